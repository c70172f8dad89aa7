# Targets of this project.
#
#   colonnade_folder(<folder> [DEPENDS <folder>...] [LIBRARIES <target>...])
#
# makes the library colonnade::<folder> of the folder's .cpp files (sub-folders included) and the test
# <folder>_test of its *_test.cpp files. Includes are written from src/ ("array/box.h").

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
if(COLONNADE_TESTS)
  find_package(GTest REQUIRED)
  include(GoogleTest)
endif()

add_library(colonnade_options INTERFACE)
target_compile_options(colonnade_options INTERFACE
  -Wall -Wextra $<$<CXX_COMPILER_ID:GNU>:-Wshadow=local> -Wconversion -Wno-sign-conversion -Wnon-virtual-dtor -Wimplicit-fallthrough
  -Wno-missing-field-initializers  # designated initializers leave out what has a default
  # GCC 12 says of "text" + std::string() that it overlaps itself (its bug 105329).
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<VERSION_GREATER_EQUAL:$<CXX_COMPILER_VERSION>,12>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>
  $<$<BOOL:${COLONNADE_WERROR}>:-Werror>)
target_include_directories(colonnade_options INTERFACE "${PROJECT_SOURCE_DIR}/src")
if(COLONNADE_SANITIZE)
  set(_sanitize -fsanitize=${COLONNADE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=undefined)
  target_compile_options(colonnade_options INTERFACE ${_sanitize})
  target_link_options(colonnade_options INTERFACE ${_sanitize})
endif()
if(COLONNADE_COVERAGE)
  target_compile_options(colonnade_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(colonnade_options INTERFACE --coverage)
endif()
if(COLONNADE_FUZZ)
  target_compile_options(colonnade_options INTERFACE -fsanitize=fuzzer-no-link)
endif()

function(colonnade_folder folder)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LIBRARIES" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/src/${folder}/*.cpp")
  set(tests ${sources})
  list(FILTER sources EXCLUDE REGEX "_test\\.cpp$")
  list(FILTER tests INCLUDE REGEX "_test\\.cpp$")
  list(TRANSFORM ARG_DEPENDS PREPEND colonnade::)
  add_library(colonnade_${folder} STATIC ${sources})
  add_library(colonnade::${folder} ALIAS colonnade_${folder})
  target_link_libraries(colonnade_${folder} PUBLIC colonnade_options ${ARG_DEPENDS} PRIVATE ${ARG_LIBRARIES} Threads::Threads)
  if(COLONNADE_TESTS AND tests)
    add_executable(${folder}_test ${tests})
    target_include_directories(${folder}_test PRIVATE "${PROJECT_SOURCE_DIR}/tests")
    target_link_libraries(${folder}_test PRIVATE colonnade::${folder} ${ARG_LIBRARIES} GTest::gmock GTest::gtest_main)
    gtest_discover_tests(${folder}_test TEST_PREFIX "${folder}." DISCOVERY_TIMEOUT 120)
  endif()
endfunction()
