# The compiler library's build id: 16 hex digits over the contents of its objects and LLVM's version, so
# that kernels cached by another compiler are never reused. Linked in, and written beside the library as
# libstepwell-compiler.buildid for those who must not load it.
if(CMAKE_SCRIPT_MODE_FILE)
  # cmake -DOBJECTS=<file: one path a line> -DLLVM=<version> -DSOURCE=<out.c> -DTEXT=<out> -P StepwellBuildId.cmake
  file(STRINGS "${OBJECTS}" objects)
  set(all "LLVM ${LLVM}")
  foreach(object IN LISTS objects)
    file(SHA256 "${object}" digest)
    string(APPEND all "\n${digest}")
  endforeach()
  string(SHA256 id "${all}")
  string(SUBSTRING "${id}" 0 16 id)
  file(WRITE "${SOURCE}" "__attribute__((visibility(\"default\"))) const char *stepwellCompilerBuildId(void) { return \"${id}\"; }\n")
  file(WRITE "${TEXT}" "${id}\n")
  return()
endif()

# After every stepwell_add_compiler_library().
function(stepwell_add_build_id target)
  get_property(objects GLOBAL PROPERTY STEPWELL_COMPILER_OBJECTS)
  set(list "${CMAKE_CURRENT_BINARY_DIR}/${target}.objects")
  set(source "${CMAKE_CURRENT_BINARY_DIR}/${target}-buildid.c")
  set(text "${CMAKE_LIBRARY_OUTPUT_DIRECTORY}/lib${target}.buildid")
  file(GENERATE OUTPUT "${list}" CONTENT "$<JOIN:${objects},\n>\n")
  add_custom_command(
    OUTPUT "${source}" "${text}"
    COMMAND ${CMAKE_COMMAND} "-DOBJECTS=${list}" "-DLLVM=${LLVM_PACKAGE_VERSION}" "-DSOURCE=${source}"
            "-DTEXT=${text}" -P "${PROJECT_SOURCE_DIR}/cmake/StepwellBuildId.cmake"
    DEPENDS ${objects} "${list}" "${PROJECT_SOURCE_DIR}/cmake/StepwellBuildId.cmake"
    COMMENT "Build id" VERBATIM)
  # The target may be of another folder, where the command above is not known.
  add_custom_target(${target}-build-id DEPENDS "${source}" "${text}")
  set_source_files_properties("${source}" TARGET_DIRECTORY ${target} PROPERTIES GENERATED TRUE)
  target_sources(${target} PRIVATE "${source}")
  add_dependencies(${target} ${target}-build-id)
endfunction()
