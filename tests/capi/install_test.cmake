# Installs the C interface to an empty folder, moves that, and builds and runs the example with what pkg-config says.
#
#   cmake -DBUILD=… -DSCRATCH=… -DCOMPILER=… -DFLAGS=… -DSOURCE=… -P install_test.cmake
function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE code OUTPUT_VARIABLE out ERROR_VARIABLE out)
  if(NOT code EQUAL 0)
    list(JOIN ARGN " " command)
    message(FATAL_ERROR "'${command}' failed (${code}):\n${out}")
  endif()
  set(out "${out}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE "${SCRATCH}")
run("${CMAKE_COMMAND}" --install "${BUILD}" --component capi --prefix "${SCRATCH}/first")
file(RENAME "${SCRATCH}/first" "${SCRATCH}/moved")

file(GLOB_RECURSE pc "${SCRATCH}/moved/*/colonnade.pc")
get_filename_component(folder "${pc}" DIRECTORY)
set(ENV{PKG_CONFIG_PATH} "${folder}")
find_program(PKG_CONFIG pkg-config REQUIRED)
run("${PKG_CONFIG}" --cflags --libs colonnade)
separate_arguments(options UNIX_COMMAND "${out}")
separate_arguments(flags UNIX_COMMAND "${FLAGS}")

run("${COMPILER}" -std=c11 ${flags} "${SOURCE}" -o "${SCRATCH}/query" ${options} "-Wl,-rpath,${folder}/..")
run("${SCRATCH}/query")
message("${out}")
file(REMOVE_RECURSE "${SCRATCH}")  # the engine library is large
