# STEPWELL_MLIR_PYTHON_SOURCES: upstream's sources of the Python bindings for the installed
# MLIR, or empty; then everything but `stepwell.mlir` is built.
option(STEPWELL_MLIR_PYTHON "Build stepwell.mlir, upstream's Python bindings with our dialects" OFF)
set(STEPWELL_MLIR_PYTHON_SOURCES "" CACHE PATH "Folder that holds mlir/python and mlir/lib/Bindings/Python")
if(STEPWELL_MLIR_PYTHON AND NOT EXISTS "${STEPWELL_MLIR_PYTHON_SOURCES}/mlir/python/CMakeLists.txt")
  execute_process(
    COMMAND "${PROJECT_SOURCE_DIR}/cmake/fetch-mlir-python-sources.sh"
            "${LLVM_PACKAGE_VERSION}" "${LLVM_INCLUDE_DIRS}"
    OUTPUT_VARIABLE folder OUTPUT_STRIP_TRAILING_WHITESPACE RESULT_VARIABLE result)
  if(result EQUAL 0)
    set(STEPWELL_MLIR_PYTHON_SOURCES "${folder}" CACHE PATH "" FORCE)
  else()
    set(STEPWELL_MLIR_PYTHON_SOURCES "" CACHE PATH "" FORCE)
    message(WARNING "The sources of MLIR's Python bindings cannot be had: building WITHOUT stepwell.mlir. "
      "Everything else works. Set STEPWELL_MLIR_PYTHON_SOURCES to a folder that holds "
      "mlir/python and mlir/lib/Bindings/Python of LLVM ${LLVM_PACKAGE_VERSION}.")
  endif()
endif()
