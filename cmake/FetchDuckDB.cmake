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
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  message(STATUS "Fetching DuckDB ${DUCKDB_VERSION} headers (pip)")
  file(WRITE "${directory}/pip/requirements.txt"
       "duckdb==${DUCKDB_VERSION} --hash=sha256:${DUCKDB_SHA256_headers}\n")
  # -I: do not inherit an isolated build's Python path, in which pip may be missing.
  fetch_run("${Python3_EXECUTABLE}" -I -m pip download --quiet --require-hashes --no-deps --no-binary duckdb
              --dest "${directory}/pip" --requirement "${directory}/pip/requirements.txt")
  file(ARCHIVE_EXTRACT INPUT "${directory}/pip/duckdb-${DUCKDB_VERSION}.tar.gz" DESTINATION "${directory}/pip"
       PATTERNS "duckdb-${DUCKDB_VERSION}/external/duckdb/src/include/*" "duckdb-${DUCKDB_VERSION}/external/duckdb/LICENSE")
  file(RENAME "${directory}/pip/duckdb-${DUCKDB_VERSION}/external/duckdb/src/include" "${directory}/include")
  file(REMOVE_RECURSE "${directory}/pip")
endfunction()

if(DUCKDB_ROOT)
  find_library(_duckdb_library NAMES duckdb colonnade_duckdb-${DUCKDB_VERSION} PATHS "${DUCKDB_ROOT}/lib" NO_DEFAULT_PATH REQUIRED NO_CACHE)
  set(_duckdb_include "${DUCKDB_ROOT}/include")
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
