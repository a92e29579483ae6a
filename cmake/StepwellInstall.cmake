# What `pip install .` puts into a wheel: tools beside python, libraries in the package.
set(STEPWELL_TOOL_TARGETS)
foreach(tool stepwell-opt stepwell-compile stepwell-lsp-server)
  if(TARGET ${tool})
    list(APPEND STEPWELL_TOOL_TARGETS ${tool})
    # Below an environment, scripts and site-packages keep this distance.
    set_target_properties(${tool} PROPERTIES INSTALL_RPATH
      "$ORIGIN/../lib/python${Python_VERSION_MAJOR}.${Python_VERSION_MINOR}/site-packages/stepwell;${LLVM_LIBRARY_DIR}")
  endif()
endforeach()
if(SKBUILD)
  install(TARGETS ${STEPWELL_TOOL_TARGETS} RUNTIME DESTINATION "${SKBUILD_SCRIPTS_DIR}" COMPONENT tools)
else()
  install(TARGETS ${STEPWELL_TOOL_TARGETS} RUNTIME DESTINATION bin COMPONENT tools)
endif()
set_target_properties(stepwell-compiler PROPERTIES INSTALL_RPATH "${LLVM_LIBRARY_DIR}")
