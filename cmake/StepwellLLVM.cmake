# Shared libMLIR and libLLVM only: a second, static copy in the process aborts.
find_package(MLIR 22.1 REQUIRED CONFIG)
list(APPEND CMAKE_MODULE_PATH "${MLIR_CMAKE_DIR}" "${LLVM_CMAKE_DIR}")
set(LLVM_RUNTIME_OUTPUT_INTDIR ${PROJECT_BINARY_DIR}/bin)
set(LLVM_LIBRARY_OUTPUT_INTDIR ${PROJECT_BINARY_DIR}/lib)
set(MLIR_BINARY_DIR ${PROJECT_BINARY_DIR})
set(LLVM_INSTALL_TOOLCHAIN_ONLY ON)
include(TableGen)
include(AddLLVM)
include(AddMLIR)
# mlir_tablegen() finds MLIR's .td files through the directory's include path only.
include_directories(SYSTEM ${MLIR_INCLUDE_DIRS})

# Sources of libstepwell-compiler.so, one object library per folder.
#   stepwell_add_compiler_library(StepwellLowering a.cpp b.cpp DEPENDS records)
function(stepwell_add_compiler_library name)
  cmake_parse_arguments(ARG "" "" "DEPENDS" ${ARGN})
  add_library(${name} OBJECT ${ARG_UNPARSED_ARGUMENTS})
  target_include_directories(${name} SYSTEM PRIVATE ${MLIR_INCLUDE_DIRS} ${LLVM_INCLUDE_DIRS})
  target_include_directories(${name} PRIVATE
    ${PROJECT_SOURCE_DIR}/dialects/include ${PROJECT_BINARY_DIR}/dialects/include
    ${PROJECT_SOURCE_DIR}/lib/include ${PROJECT_BINARY_DIR}/lib/include
    ${PROJECT_SOURCE_DIR}/targets/include ${PROJECT_BINARY_DIR}/targets/include
    ${PROJECT_SOURCE_DIR}/lib/Semantics/include ${PROJECT_SOURCE_DIR}/lib/CAPI/include
    ${PROJECT_SOURCE_DIR}/runtime/include)
  target_compile_definitions(${name} PRIVATE ${LLVM_DEFINITIONS})
  # Every dialect header that is generated.
  add_dependencies(${name} stepwell-dialect-headers)
  if(ARG_DEPENDS)
    add_dependencies(${name} ${ARG_DEPENDS})
  endif()
  set_property(GLOBAL APPEND PROPERTY STEPWELL_COMPILER_OBJECTS $<TARGET_OBJECTS:${name}>)
endfunction()
