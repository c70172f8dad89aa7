# Sets every `pin` of dev/versions as a variable of that name.

set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/dev/versions")
file(STRINGS "${PROJECT_SOURCE_DIR}/dev/versions" _pins REGEX "^pin ")
foreach(_pin IN LISTS _pins)
  if(NOT _pin MATCHES "^pin ([A-Za-z0-9_-]+) ([^ ]+)$")
    message(FATAL_ERROR "dev/versions: cannot read '${_pin}'; expected 'pin NAME value'")
  endif()
  set(${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
endforeach()
