# Defines duckdb::duckdb: a prebuilt DuckDB library with the C++ headers of exactly the same release.
#
#   -DDUCKDB_ROOT=<prefix>   use <prefix>/include/duckdb.hpp and <prefix>/lib/libduckdb.*
#   (nothing)                fetch both with the npm and pip clients, which bring their own mirrors, proxies and caches;
#                            every file is pinned by SHA-256. Kept in DUCKDB_CACHE, shared by all build trees.
#
# To move to another release, change the pins in dev/versions and nothing else.
include(Versions)

set(DUCKDB_ROOT "" CACHE PATH "Prefix of an installed DuckDB ${DUCKDB_VERSION}; empty: fetch it")
set(DUCKDB_CACHE "${PROJECT_SOURCE_DIR}/.deps" CACHE PATH "Where fetched DuckDB files are kept")

# A name of our own, so that no other libduckdb in the process is mistaken for ours.
set(_library "libcolonnade_duckdb-${DUCKDB_VERSION}${CMAKE_SHARED_LIBRARY_SUFFIX}")

function(fetch_run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "fetching: '${command}' failed:\n${out}\nInstall the tool, or pass -DDUCKDB_ROOT=<prefix> for an installed DuckDB.")
  endif()
endfunction()

# Downloads a source distribution that is pinned as "name==version --hash=sha256:..." into a directory.
# The first Python that has pip does it: the environment of an isolated build may have none.
function(fetch_source_distribution directory requirement)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  set(python "${Python3_EXECUTABLE}")
  foreach(candidate IN ITEMS "${Python3_EXECUTABLE}" python3 /usr/bin/python3)
    # -I: do not inherit an isolated build's Python path, in which pip may be missing.
    execute_process(COMMAND "${candidate}" -I -m pip --version RESULT_VARIABLE code OUTPUT_QUIET ERROR_QUIET)
    if(code EQUAL 0)
      set(python "${candidate}")
      break()
    endif()
  endforeach()
  string(REGEX MATCH "^[^=]+" name "${requirement}")
  file(WRITE "${directory}/requirements.txt" "${requirement}\n")
  fetch_run("${python}" -I -m pip download --quiet --require-hashes --no-deps --no-binary "${name}"
              --dest "${directory}" --requirement "${directory}/requirements.txt")
endfunction()

function(_duckdb_fetch_library directory)
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    set(platform x64)
  else()
    set(platform arm64)
  endif()
  string(TOLOWER "${CMAKE_SYSTEM_NAME}" system)
  set(platform "${system}-${platform}")
  if(NOT DEFINED DUCKDB_SHA256_${platform})
    message(FATAL_ERROR "FetchDuckDB: no pinned DuckDB library for ${platform}; pass -DDUCKDB_ROOT=<prefix>")
  endif()
  find_program(NPM npm REQUIRED)
  find_program(PATCHELF patchelf REQUIRED)
  message(STATUS "Fetching DuckDB ${DUCKDB_VERSION} library (npm)")
  file(MAKE_DIRECTORY "${directory}/npm")
  fetch_run("${NPM}" pack --silent --pack-destination "${directory}/npm"
              "@duckdb/node-bindings-${platform}@${DUCKDB_NPM_VERSION}")
  set(package "${directory}/npm/duckdb-node-bindings-${platform}-${DUCKDB_NPM_VERSION}.tgz")
  file(SHA256 "${package}" actual)
  if(NOT actual STREQUAL DUCKDB_SHA256_${platform})
    message(FATAL_ERROR "FetchDuckDB: ${package} has SHA-256 ${actual}, expected ${DUCKDB_SHA256_${platform}}")
  endif()
  file(ARCHIVE_EXTRACT INPUT "${package}" DESTINATION "${directory}/npm")
  file(MAKE_DIRECTORY "${directory}/lib")
  set(file "${directory}/npm/package/libduckdb${CMAKE_SHARED_LIBRARY_SUFFIX}")
  fetch_run("${PATCHELF}" --set-soname "${_library}" "${file}")
  file(RENAME "${file}" "${directory}/lib/${_library}")
  file(REMOVE_RECURSE "${directory}/npm")
endfunction()

function(_duckdb_fetch_headers directory)
  message(STATUS "Fetching DuckDB ${DUCKDB_VERSION} headers (pip)")
  fetch_source_distribution("${directory}/pip" "duckdb==${DUCKDB_VERSION} --hash=sha256:${DUCKDB_SHA256_headers}")
  file(ARCHIVE_EXTRACT INPUT "${directory}/pip/duckdb-${DUCKDB_VERSION}.tar.gz" DESTINATION "${directory}/pip"
       PATTERNS "duckdb-${DUCKDB_VERSION}/external/duckdb/src/include/*" "duckdb-${DUCKDB_VERSION}/external/duckdb/LICENSE")
  file(RENAME "${directory}/pip/duckdb-${DUCKDB_VERSION}/external/duckdb/src/include" "${directory}/include")
  file(REMOVE_RECURSE "${directory}/pip")
endfunction()

if(DUCKDB_ROOT)
  find_library(_duckdb_library NAMES duckdb colonnade_duckdb-${DUCKDB_VERSION} PATHS "${DUCKDB_ROOT}/lib" NO_DEFAULT_PATH REQUIRED NO_CACHE)
  set(_duckdb_include "${DUCKDB_ROOT}/include")
  if(COLONNADE_PYTHON AND CMAKE_SYSTEM_NAME STREQUAL "Linux")
    # The Python package carries the library with it, into processes that may have another libduckdb.so.
    find_program(PATCHELF patchelf REQUIRED)
    set(_copy "${PROJECT_BINARY_DIR}/duckdb/${_library}")
    if("${_duckdb_library}" IS_NEWER_THAN "${_copy}")
      file(MAKE_DIRECTORY "${PROJECT_BINARY_DIR}/duckdb")
      file(COPY_FILE "${_duckdb_library}" "${_copy}")
      fetch_run("${PATCHELF}" --set-soname "${_library}" "${_copy}")
    endif()
    set(_duckdb_library "${_copy}")
  endif()
else()
  set(_directory "${DUCKDB_CACHE}/duckdb-${DUCKDB_VERSION}")
  set(_duckdb_library "${_directory}/lib/${_library}")
  set(_duckdb_include "${_directory}/include")
  file(LOCK "${DUCKDB_CACHE}" DIRECTORY GUARD FILE TIMEOUT 600)  # several configures may run at once
  if(NOT EXISTS "${_duckdb_library}")
    _duckdb_fetch_library("${_directory}")
  endif()
  if(NOT EXISTS "${_duckdb_include}")
    _duckdb_fetch_headers("${_directory}")
  endif()
  file(LOCK "${DUCKDB_CACHE}" DIRECTORY RELEASE)
endif()

add_library(duckdb::duckdb SHARED IMPORTED GLOBAL)
set_target_properties(duckdb::duckdb PROPERTIES
  IMPORTED_LOCATION "${_duckdb_library}"
  INTERFACE_INCLUDE_DIRECTORIES "${_duckdb_include}"  # imported: treated as SYSTEM, no warnings
  INTERFACE_COMPILE_DEFINITIONS "DUCKDB_EXPECTED_VERSION=\"v${DUCKDB_VERSION}\";DUCKDB_EXPECTED_SOURCE_ID=\"${DUCKDB_SOURCE_ID}\"")
