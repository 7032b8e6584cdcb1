# cmake --install: headers, the dispatch library, and what find_package(ctgpt) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ctgpt")
install(TARGETS ctgpt ctgpt_headers EXPORT ctgptTargets FILE_SET HEADERS)
install(EXPORT ctgptTargets NAMESPACE ctgpt:: DESTINATION "${config_dir}")
if(TARGET ctgpt_data)  # by itself, so that only those who ask for it need its libraries
  install(TARGETS ctgpt_data EXPORT ctgptDataTargets)
  install(EXPORT ctgptDataTargets NAMESPACE ctgpt:: DESTINATION "${config_dir}")
endif()
configure_package_config_file(cmake/ctgptConfig.cmake.in ctgptConfig.cmake
                              INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file(ctgptConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/ctgptConfig.cmake"
              "${CMAKE_CURRENT_BINARY_DIR}/ctgptConfigVersion.cmake" cmake/dependencies.cmake
        DESTINATION "${config_dir}")
# pkg-config finds the prefix from where the file lies, so that the whole may be moved.
file(RELATIVE_PATH prefix_from_pkgconfig "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
configure_file(cmake/ctgpt.pc.in ctgpt.pc @ONLY)
install(FILES "${CMAKE_CURRENT_BINARY_DIR}/ctgpt.pc"
        DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
install(FILES LICENSE THIRD_PARTY.md DESTINATION "${CMAKE_INSTALL_DOCDIR}")
