# What an installed Pith offers: find_package(pith CONFIG) with targets pith::tensor ... pith::compress, and pkg-config.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pith)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/pith-config.cmake.in ${PROJECT_BINARY_DIR}/pith-config.cmake
  INSTALL_DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/pith-config-version.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT pith-targets NAMESPACE pith:: DESTINATION ${package_dir})
install(FILES ${PROJECT_BINARY_DIR}/pith-config.cmake ${PROJECT_BINARY_DIR}/pith-config-version.cmake
  DESTINATION ${package_dir})

if(PITH_PARALLEL STREQUAL tbb)
  set(PITH_PKG_THREADS ", tbb")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/pith.pc.in ${PROJECT_BINARY_DIR}/pith.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/pith.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(TARGETS pith_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
