# `cmake --install build`: library, headers, programs, CMake package, pkg-config file.
# In a wheel only the component "python" is taken; see adapters/python/CMakeLists.txt.
include(CMakePackageConfigHelpers)
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/polybus)

install(TARGETS polybus EXPORT polybusTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
foreach(program busd bus-cli)
  if(TARGET ${program})
    install(TARGETS ${program} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT runtime)
  endif()
endforeach()
foreach(folder IN LISTS public_includes)
  install(DIRECTORY ${folder}/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")
endforeach()

install(EXPORT polybusTargets NAMESPACE polybus:: DESTINATION ${package_dir} COMPONENT development)
configure_package_config_file(${CMAKE_SOURCE_DIR}/tools/build/polybusConfig.cmake.in ${CMAKE_BINARY_DIR}/package/polybusConfig.cmake
                              INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/package/polybusConfigVersion.cmake COMPATIBILITY SameMinorVersion)
file(RELATIVE_PATH prefix_from_pc /${CMAKE_INSTALL_LIBDIR}/pkgconfig /) # an installation may be moved
configure_file(${CMAKE_SOURCE_DIR}/tools/build/polybus.pc.in ${CMAKE_BINARY_DIR}/package/polybus.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/package/polybusConfig.cmake ${CMAKE_BINARY_DIR}/package/polybusConfigVersion.cmake
              ${CMAKE_SOURCE_DIR}/tools/build/PolybusSchemas.cmake
        DESTINATION ${package_dir} COMPONENT development)
install(FILES ${CMAKE_BINARY_DIR}/package/polybus.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
