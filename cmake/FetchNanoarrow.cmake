# Defines nanoarrow::nanoarrow: the Arrow C Data Interface helpers, built from the sources of the PyPI
# source distribution (its own CMake files are incomplete there).
#
# To move to another release, change the pins in dev/versions and nothing else.
include(Versions)

set(_directory "${DUCKDB_CACHE}/nanoarrow-${NANOARROW_VERSION}")
set(_nanoarrow "${_directory}/include/nanoarrow")
file(LOCK "${DUCKDB_CACHE}" DIRECTORY GUARD FILE TIMEOUT 600)
if(NOT EXISTS "${_nanoarrow}/nanoarrow.h")
  message(STATUS "Fetching nanoarrow ${NANOARROW_VERSION} sources (pip)")
  fetch_source_distribution("${_directory}/pip" "nanoarrow==${NANOARROW_VERSION} --hash=sha256:${NANOARROW_SHA256}")
  set(_sources "nanoarrow-${NANOARROW_VERSION}/subprojects/arrow-nanoarrow/src/nanoarrow")
  file(ARCHIVE_EXTRACT INPUT "${_directory}/pip/nanoarrow-${NANOARROW_VERSION}.tar.gz" DESTINATION "${_directory}/pip"
       PATTERNS "${_sources}/common/*.c" "${_sources}/common/*.h" "${_sources}/nanoarrow.h"
                "${_sources}/nanoarrow_config.h.in")
  file(MAKE_DIRECTORY "${_directory}/include")
  file(RENAME "${_directory}/pip/${_sources}" "${_nanoarrow}")
  file(REMOVE_RECURSE "${_directory}/pip")
endif()
file(LOCK "${DUCKDB_CACHE}" DIRECTORY RELEASE)

string(REPLACE "." ";" _parts "${NANOARROW_VERSION}")
list(GET _parts 0 NANOARROW_VERSION_MAJOR)
list(GET _parts 1 NANOARROW_VERSION_MINOR)
list(GET _parts 2 NANOARROW_VERSION_PATCH)
# Symbols of our own, so that another nanoarrow in the process is never mistaken for ours.
set(NANOARROW_NAMESPACE_DEFINE "#define NANOARROW_NAMESPACE Colonnade")
configure_file("${_nanoarrow}/nanoarrow_config.h.in" "${PROJECT_BINARY_DIR}/nanoarrow/nanoarrow/nanoarrow_config.h" @ONLY)

add_library(nanoarrow STATIC
  "${_nanoarrow}/common/array.c" "${_nanoarrow}/common/array_stream.c"
  "${_nanoarrow}/common/schema.c" "${_nanoarrow}/common/utils.c")
add_library(nanoarrow::nanoarrow ALIAS nanoarrow)
target_compile_definitions(nanoarrow PRIVATE _POSIX_C_SOURCE=200809L)
target_compile_options(nanoarrow PRIVATE -w)
target_include_directories(nanoarrow SYSTEM PUBLIC "${_directory}/include" "${PROJECT_BINARY_DIR}/nanoarrow")
