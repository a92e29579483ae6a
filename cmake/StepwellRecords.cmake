# What is generated from dialects/Array/*.td (docs/record-schema.md), by the target
# `stepwell-records`, into two folders:
set(STEPWELL_RECORDS_INCLUDE "${PROJECT_BINARY_DIR}/dialects/include")
set(STEPWELL_RECORDS_DOCS "${PROJECT_BINARY_DIR}/records")

find_package(Python 3.10 COMPONENTS Interpreter REQUIRED)
find_program(STEPWELL_TBLGEN NAMES llvm-tblgen HINTS "${LLVM_TOOLS_BINARY_DIR}" NO_DEFAULT_PATH REQUIRED)

file(GLOB STEPWELL_RECORD_SOURCES CONFIGURE_DEPENDS
     "${PROJECT_SOURCE_DIR}/dialects/*/*.td" "${PROJECT_SOURCE_DIR}/tools/stepwell-records/*.py")
set(_json "${STEPWELL_RECORDS_DOCS}/records.json")
set(_autodiff "${STEPWELL_RECORDS_DOCS}/autodiff.json")
set(STEPWELL_RECORDS_FILES
  "${STEPWELL_RECORDS_INCLUDE}/stepwell/Array/OpTable.inc"
  "${STEPWELL_RECORDS_INCLUDE}/stepwell/Eager/OpCounts.h"
  "${STEPWELL_RECORDS_INCLUDE}/stepwell/Eager/OpAttributes.h"
  "${STEPWELL_RECORDS_INCLUDE}/stepwell/Array/ArrayInference.inc"
  "${STEPWELL_RECORDS_INCLUDE}/stepwell/Array/ArrayScalarBodies.inc"
  "${STEPWELL_RECORDS_INCLUDE}/stepwell/Array/ArrayVJP.inc"
  "${STEPWELL_RECORDS_INCLUDE}/stepwell/Array/ArrayBatching.inc"
  "${STEPWELL_RECORDS_INCLUDE}/stepwell/Array/ArrayDecompositions.inc"
  "${STEPWELL_RECORDS_DOCS}/_ops.pyi")
# The generator leaves unchanged files alone, so the stamp and not the files says "done".
set(_stamp "${STEPWELL_RECORDS_DOCS}/stamp")
add_custom_command(
  OUTPUT ${_stamp}
  BYPRODUCTS ${STEPWELL_RECORDS_FILES} ${_json} ${_autodiff}
  COMMAND ${CMAKE_COMMAND} -E make_directory "${STEPWELL_RECORDS_DOCS}"
  COMMAND ${STEPWELL_TBLGEN} -dump-json -I "${PROJECT_SOURCE_DIR}/dialects/Array"
          -I "${LLVM_INCLUDE_DIRS}" "${PROJECT_SOURCE_DIR}/dialects/Array/ArrayOps.td" -o ${_json}
  COMMAND ${STEPWELL_TBLGEN} -dump-json -I "${LLVM_INCLUDE_DIRS}"
          "${PROJECT_SOURCE_DIR}/dialects/Autodiff/AutodiffOps.td" -o ${_autodiff}
  COMMAND ${Python_EXECUTABLE} "${PROJECT_SOURCE_DIR}/tools/stepwell-records/generate.py" ${_json} ${_autodiff}
          --out "${STEPWELL_RECORDS_INCLUDE}" --docs "${STEPWELL_RECORDS_DOCS}"
  COMMAND ${CMAKE_COMMAND} -E touch ${_stamp}
  DEPENDS ${STEPWELL_RECORD_SOURCES}
  COMMENT "Records" VERBATIM)
add_custom_target(stepwell-records DEPENDS ${_stamp})
