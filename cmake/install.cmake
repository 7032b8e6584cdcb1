# cmake --install: headers, the dispatch library, and what find_package(ctgpt) reads.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ctgpt")
install(TARGETS ctgpt ctgpt_headers EXPORT ctgptTargets FILE_SET HEADERS)
install(EXPORT ctgptTargets NAMESPACE ctgpt:: DESTINATION "${config_dir}")
# Each component by itself, so that only those who ask for it need its libraries.
foreach(component data serve)
  if(TARGET ctgpt_${component})
    install(TARGETS ctgpt_${component} EXPORT ctgpt_${component})
    install(EXPORT ctgpt_${component} NAMESPACE ctgpt:: FILE ctgpt_${component}.cmake
            DESTINATION "${config_dir}")
  endif()
endforeach()
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
