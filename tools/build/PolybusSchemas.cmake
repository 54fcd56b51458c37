# polybus_schemas(target FILES a.capnp ... [IMPORT_PATHS dir ...])
#
# Compiles Cap'n Proto schemas to C++ and adds them to the target. A file is included by its path from the calling
# project's root: examples/imu/imu.capnp -> #include "examples/imu/imu.capnp.h"; beside it also by its name alone.
# Installed with polybus, so that a user's CMakeLists.txt needs no more than find_package(polybus) and one line.
if(NOT DEFINED POLYBUS_GENERATED_DIR)
  set(POLYBUS_GENERATED_DIR ${CMAKE_BINARY_DIR}/generated)
endif()

function(polybus_schemas target)
  cmake_parse_arguments(ARG "" "" "FILES;IMPORT_PATHS" ${ARGN})
  find_program(CAPNP_COMPILER capnp REQUIRED)
  find_program(CAPNPC_CXX capnpc-c++ REQUIRED)
  set(imports -I${PROJECT_SOURCE_DIR})
  foreach(dir IN LISTS ARG_IMPORT_PATHS)
    list(APPEND imports -I${dir})
  endforeach()
  set(sources)
  foreach(file IN LISTS ARG_FILES)
    file(REAL_PATH ${file} absolute BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    file(RELATIVE_PATH relative ${PROJECT_SOURCE_DIR} ${absolute})
    if(relative MATCHES "^\\.\\.")
      message(FATAL_ERROR "polybus_schemas: ${file} is not in ${PROJECT_SOURCE_DIR}")
    endif()
    set(output ${POLYBUS_GENERATED_DIR}/${relative})
    get_filename_component(output_dir ${output} DIRECTORY)
    # Several targets may use one schema; the command is declared once and the targets wait for each other.
    get_property(known GLOBAL PROPERTY polybus_schema_${relative})
    if(NOT known)
      file(MAKE_DIRECTORY ${output_dir})
      add_custom_command(
        OUTPUT ${output}.c++ ${output}.h
        COMMAND ${CAPNP_COMPILER} compile -o${CAPNPC_CXX}:${POLYBUS_GENERATED_DIR} --src-prefix=${PROJECT_SOURCE_DIR} ${imports} ${absolute}
        DEPENDS ${absolute}
        COMMENT "capnp ${relative}"
        VERBATIM)
      string(MAKE_C_IDENTIFIER "capnp_${relative}" generator)
      add_custom_target(${generator} DEPENDS ${output}.c++ ${output}.h)
      set_property(GLOBAL PROPERTY polybus_schema_${relative} ${generator})
      set_property(GLOBAL APPEND PROPERTY polybus_generated ${generator})
      set(known ${generator})
    endif()
    add_dependencies(${target} ${known})
    list(APPEND sources ${output}.c++ ${output}.h)
    target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${output_dir}>)
  endforeach()
  set_source_files_properties(${sources} PROPERTIES GENERATED ON COMPILE_OPTIONS "-w;-g0")
  target_sources(${target} PRIVATE ${sources})
  target_include_directories(${target} PUBLIC $<BUILD_INTERFACE:${POLYBUS_GENERATED_DIR}>)
endfunction()
