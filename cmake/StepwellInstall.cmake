# What `pip install .` puts into a wheel: tools beside python, libraries in the package.
set(STEPWELL_TOOL_TARGETS)
foreach(tool stepwell-opt stepwell-compile stepwell-lsp-server)
  if(TARGET ${tool})
    list(APPEND STEPWELL_TOOL_TARGETS ${tool})
    # Below an environment, scripts and packages keep this distance (Debian's own Python says dist-packages).
    set(packages "$ORIGIN/../lib/python${Python_VERSION_MAJOR}.${Python_VERSION_MINOR}")
    set_target_properties(${tool} PROPERTIES INSTALL_RPATH
      "${packages}/site-packages/stepwell;${packages}/dist-packages/stepwell;$ORIGIN/../stepwell;${LLVM_LIBRARY_DIR}")
  endif()
endforeach()
if(SKBUILD)
  install(TARGETS ${STEPWELL_TOOL_TARGETS} RUNTIME DESTINATION "${SKBUILD_SCRIPTS_DIR}" COMPONENT tools)
else()
  install(TARGETS ${STEPWELL_TOOL_TARGETS} RUNTIME DESTINATION bin COMPONENT tools)
endif()

# What stepwell-compile links into a shipped binary; it looks beside libstepwell-compiler.so.
install(TARGETS stepwell-runtime stepwell-runtime-serial
  ARCHIVE DESTINATION stepwell/lib COMPONENT tools)
install(DIRECTORY "${PROJECT_BINARY_DIR}/include/stepwell"
  DESTINATION stepwell/include COMPONENT tools)
install(DIRECTORY "${PROJECT_BINARY_DIR}/share/stepwell"
  DESTINATION stepwell/share COMPONENT tools)
set_target_properties(stepwell-compiler PROPERTIES INSTALL_RPATH "${LLVM_LIBRARY_DIR}")
