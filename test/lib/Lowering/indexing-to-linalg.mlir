// RUN: stepwell-opt %s -split-input-file -convert-array-to-linalg -canonicalize -cse | FileCheck %s

// The smallest and the largest index are checked; where one is bad, nothing is read.
// CHECK-LABEL: @gather
// CHECK-SAME: (%[[X:.*]]: tensor<4x?xf32>, %[[INDEX:.*]]: tensor<2x?xi32>)
// CHECK: %[[ENDS:.*]]:2 = linalg.generic {{{.*}}iterator_types = ["reduction", "reduction"]} ins(%[[INDEX]] :
// CHECK: arith.minsi
// CHECK: arith.maxsi
// CHECK: %[[MIN:.*]] = tensor.extract %[[ENDS]]#0[]
// CHECK: %[[MAX:.*]] = tensor.extract %[[ENDS]]#1[]
// CHECK: %[[BELOW:.*]] = arith.cmpi slt, %[[MIN]], %c0_i64
// CHECK: %[[ABOVE:.*]] = arith.cmpi sge, %[[MAX]], %c4_i64
// CHECK: %[[BAD:.*]] = arith.ori %[[BELOW]], %[[ABOVE]]
// CHECK: %[[WHICH:.*]] = arith.select %[[BELOW]], %[[MIN]], %[[MAX]]
// CHECK: call @stepwell.check_index(%[[BAD]], %[[WHICH]], %c4_i64, %c0_i64)
// CHECK: linalg.generic {{.*}} ins(%[[INDEX]] : tensor<2x?xi32>) outs(%{{.*}} : tensor<2x?xf32>)
// CHECK: %[[I:.*]] = arith.index_cast %{{.*}} : i32 to index
// CHECK: %[[IN:.*]] = arith.cmpi ult, %[[I]], %c4
// CHECK: %[[J:.*]] = linalg.index 1
// CHECK: scf.if %[[IN]]
// CHECK: tensor.extract %[[X]][%[[I]], %[[J]]]
func.func @gather(%x: tensor<4x?xf32>, %i: tensor<2x?xi32>) -> tensor<2x?xf32> {
  %0 = array.gather %x, %i {dim = 0 : i64} : (tensor<4x?xf32>, tensor<2x?xi32>) -> tensor<2x?xf32>
  return %0 : tensor<2x?xf32>
}

// -----

// CHECK-LABEL: @pick
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[INDEX:.*]]: tensor<?xi64>)
// CHECK: call @stepwell.check_index(%{{.*}}, %{{.*}}, %c4_i64, %c1_i64)
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : tensor<?xf32>)
// CHECK: %[[J:.*]] = arith.index_cast
// CHECK: %[[I:.*]] = linalg.index 0
// CHECK: tensor.extract %[[X]][%[[I]], %[[J]]]
func.func @pick(%x: tensor<?x4xf32>, %i: tensor<?xi64>) -> tensor<?xf32> {
  %0 = array.pick %x, %i {dim = 1 : i64} : (tensor<?x4xf32>, tensor<?xi64>) -> tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// One element after the other, into a copy of the input; none where an index is bad.
// CHECK-LABEL: @scatter_add
// CHECK-SAME: (%[[X:.*]]: tensor<4x3xf32>, %[[INDEX:.*]]: tensor<2x3xi64>, %[[S:.*]]: tensor<2x3xf32>)
// CHECK: call @stepwell.check_index(%[[BAD:.*]], %{{.*}}, %c4_i64, %c0_i64)
// CHECK: %[[N:.*]] = arith.select %[[BAD]], %c0, %c2
// CHECK: scf.for %[[I:.*]] = %c0 to %[[N]] step %c1 iter_args(%{{.*}} = %[[X]])
// CHECK: scf.for %[[J:.*]] = %c0 to %c3 step %c1 iter_args(%[[TO:.*]] = %{{.*}})
// CHECK: %[[K:.*]] = tensor.extract %[[INDEX]][%[[I]], %[[J]]]
// CHECK: %[[AT:.*]] = arith.index_cast %[[K]]
// CHECK: %[[IN:.*]] = arith.cmpi ult, %[[AT]], %c4
// CHECK: scf.if %[[IN]]
// CHECK: %[[NEW:.*]] = tensor.extract %[[S]][%[[I]], %[[J]]]
// CHECK: %[[OLD:.*]] = tensor.extract %[[TO]][%[[AT]], %[[J]]]
// CHECK: %[[SUM:.*]] = arith.addf %[[OLD]], %[[NEW]]
// CHECK: tensor.insert %[[SUM]] into %[[TO]][%[[AT]], %[[J]]]
// CHECK: } else {
// CHECK-NEXT: scf.yield %[[TO]]
func.func @scatter_add(%x: tensor<4x3xf32>, %i: tensor<2x3xi64>, %s: tensor<2x3xf32>) -> tensor<4x3xf32> {
  %0 = array.scatter_add %x, %i, %s {dim = 0 : i64} : (tensor<4x3xf32>, tensor<2x3xi64>, tensor<2x3xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

// CHECK: #[[PLACES:.*]] = affine_map<(d0, d1, d2) -> (d0, d1)>
// CHECK-LABEL: @index_select
// CHECK-SAME: (%[[X:.*]]: tensor<?x4xf32>, %[[INDEX:.*]]: tensor<2x3xi64>)
// CHECK: %[[SIZE:.*]] = tensor.dim %[[X]], %c0
// CHECK: %[[N:.*]] = arith.index_cast %[[SIZE]] : index to i64
// CHECK: call @stepwell.check_index(%{{.*}}, %{{.*}}, %[[N]], %c0_i64)
// CHECK: linalg.generic {indexing_maps = [#[[PLACES]], #{{.*}}]{{.*}} ins(%[[INDEX]] :
// CHECK: %[[I:.*]] = arith.index_cast
// CHECK: arith.cmpi ult, %[[I]], %[[SIZE]]
// CHECK: %[[J:.*]] = linalg.index 2
// CHECK: tensor.extract %[[X]][%[[I]], %[[J]]]
func.func @index_select(%x: tensor<?x4xf32>, %i: tensor<2x3xi64>) -> tensor<2x3x4xf32> {
  %0 = array.index_select %x, %i {dim = 0 : i64} : (tensor<?x4xf32>, tensor<2x3xi64>) -> tensor<2x3x4xf32>
  return %0 : tensor<2x3x4xf32>
}

// -----

// bf16 is added in f32.
// CHECK-LABEL: @index_add
// CHECK: call @stepwell.check_index
// CHECK: scf.if
// CHECK: arith.addf %{{.*}} : f32
// CHECK: %[[SUM:.*]] = arith.truncf %{{.*}} : f32 to bf16
// CHECK: tensor.insert %[[SUM]]
func.func @index_add(%x: tensor<4x3xbf16>, %i: tensor<2xi64>, %s: tensor<2x3xbf16>) -> tensor<4x3xbf16> {
  %0 = array.index_add %x, %i, %s {dim = 0 : i64} : (tensor<4x3xbf16>, tensor<2xi64>, tensor<2x3xbf16>) -> tensor<4x3xbf16>
  return %0 : tensor<4x3xbf16>
}

// -----

// CHECK-LABEL: @index_copy
// CHECK-SAME: %[[S:[^:]*]]: tensor<2x3xf32>) ->
// CHECK: call @stepwell.check_index
// CHECK: scf.if
// CHECK-NEXT: %[[NEW:.*]] = tensor.extract %[[S]]
// CHECK-NEXT: tensor.insert %[[NEW]]
func.func @index_copy(%x: tensor<4x3xf32>, %i: tensor<2xi64>, %s: tensor<2x3xf32>) -> tensor<4x3xf32> {
  %0 = array.index_copy %x, %i, %s {dim = 0 : i64} : (tensor<4x3xf32>, tensor<2xi64>, tensor<2x3xf32>) -> tensor<4x3xf32>
  return %0 : tensor<4x3xf32>
}

// -----

// Indices in [-size, size); those below 0 count from the end.
// CHECK-LABEL: @wrap_index
// CHECK-SAME: (%[[X:.*]]: tensor<?xi64>, %[[SIZE:.*]]: tensor<i64>)
// CHECK: %[[N:.*]] = tensor.extract %[[SIZE]][]
// CHECK: %[[LEAST:.*]] = arith.subi %c0_i64, %[[N]]
// CHECK: arith.cmpi slt, %{{.*}}, %[[LEAST]]
// CHECK: arith.cmpi sge, %{{.*}}, %[[N]]
// CHECK: call @stepwell.check_index(%{{.*}}, %{{.*}}, %[[N]], %c2_i64)
// CHECK: ^bb0(%[[I:.*]]: i64, %{{.*}}: i64):
// CHECK: %[[BELOW:.*]] = arith.cmpi slt, %[[I]], %c0_i64
// CHECK: %[[END:.*]] = arith.addi %[[I]], %[[N]]
// CHECK: arith.select %[[BELOW]], %[[END]], %[[I]]
func.func @wrap_index(%x: tensor<?xi64>, %n: tensor<i64>) -> tensor<?xi64> {
  %0 = array.wrap_index %x, %n {dim = 2 : i64} : (tensor<?xi64>, tensor<i64>) -> tensor<?xi64>
  return %0 : tensor<?xi64>
}

// -----

// A number that is no class gives zeros: nothing is checked.
// CHECK-LABEL: @one_hot
// CHECK-NOT: check_index
// CHECK: %[[CLASS:.*]] = arith.extsi %{{.*}} : i32 to i64
// CHECK: %[[I:.*]] = linalg.index 1
// CHECK: %[[HERE:.*]] = arith.index_cast %[[I]]
// CHECK: %[[EQ:.*]] = arith.cmpi eq, %[[CLASS]], %[[HERE]]
// CHECK: arith.extui %[[EQ]] : i1 to i64
func.func @one_hot(%x: tensor<?xi32>) -> tensor<?x5xi64> {
  %0 = array.one_hot %x {num_classes = 5 : i64} : (tensor<?xi32>) -> tensor<?x5xi64>
  return %0 : tensor<?x5xi64>
}

// -----

// An index below 0 counts from the end; -1 marks what is out of range, and stays.
// CHECK-LABEL: @linear_index
// CHECK: ^bb0(%[[L:.*]]: i64, %[[I:.*]]: i64, %[[N:.*]]: i64, %{{.*}}: i64):
// CHECK-DAG: %[[GOOD:.*]] = arith.cmpi sge, %[[L]], %c0_i64
// CHECK-DAG: %[[NEG:.*]] = arith.cmpi slt, %[[I]], %c0_i64
// CHECK-DAG: %[[END:.*]] = arith.addi %[[I]], %[[N]]
// CHECK: %[[AT:.*]] = arith.select %[[NEG]], %[[END]], %[[I]]
// CHECK: %[[IN:.*]] = arith.cmpi ult, %[[AT]], %[[N]]
// CHECK: %[[BOTH:.*]] = arith.andi %[[GOOD]], %[[IN]]
// CHECK: %[[ROW:.*]] = arith.muli %[[L]], %[[N]]
// CHECK: %[[POS:.*]] = arith.addi %[[ROW]], %[[AT]]
// CHECK: arith.select %[[BOTH]], %[[POS]], %c-1_i64
func.func @linear_index(%l: tensor<i64>, %i: tensor<3xi64>, %n: tensor<i64>) -> tensor<3xi64> {
  %0 = array.linear_index %l, %i, %n : (tensor<i64>, tensor<3xi64>, tensor<i64>) -> tensor<3xi64>
  return %0 : tensor<3xi64>
}
