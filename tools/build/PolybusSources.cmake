# Small helpers around source lists that other people fill.

# Files below the patterns' folders, found again at every build when one is added or removed.
function(polybus_glob out)
  set(patterns)
  foreach(pattern IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH pattern BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    list(APPEND patterns ${pattern})
  endforeach()
  file(GLOB_RECURSE files CONFIGURE_DEPENDS LIST_DIRECTORIES false ${patterns})
  list(FILTER files EXCLUDE REGEX "/node_modules/|/\\.venv/")
  set(${out} ${files} PARENT_SCOPE)
endfunction()

# A library must have a source; folders may still be empty.
function(polybus_placeholder_if_empty target files)
  if(NOT files)
    file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/generated/placeholder.cpp CONTENT "")
    target_sources(${target} PRIVATE ${CMAKE_BINARY_DIR}/generated/placeholder.cpp)
  endif()
endfunction()

# polybus_program(name bin-subfolder GLOB patterns... LINK targets...): skipped while there is no source
function(polybus_program name folder)
  cmake_parse_arguments(ARG "" "" "GLOB;LINK" ${ARGN})
  polybus_glob(sources ${ARG_GLOB})
  if(NOT sources)
    return()
  endif()
  add_executable(${name} ${sources})
  set_property(GLOBAL APPEND PROPERTY polybus_products ${name})
  target_link_libraries(${name} PRIVATE ${ARG_LINK})
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/${folder})
endfunction()
