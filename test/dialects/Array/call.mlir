// RUN: stepwell-opt %s | stepwell-opt | FileCheck %s
// RUN: stepwell-opt %s -mlir-print-op-generic | stepwell-opt | FileCheck %s

// CHECK-LABEL: @square
// CHECK: array.call "square"(%{{.*}}) {wrt = array<i64: 0>} : (tensor<?xf32>) -> tensor<?xf32> {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<?xf32>):
// CHECK: array.yield
// CHECK: } vjp {
// CHECK-NEXT: ^bb0(%{{.*}}: tensor<?xf32>, %{{.*}}: tensor<?xf32>, %{{.*}}: tensor<?xf32>):
func.func @square(%x: tensor<?xf32>) -> tensor<?xf32> {
  %y = array.call "square" (%x) {wrt = array<i64: 0>} : (tensor<?xf32>) -> tensor<?xf32> {
  ^bb0(%a: tensor<?xf32>):
    %b = array.mul %a, %a : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    array.yield %b : tensor<?xf32>
  } vjp {
  ^bb0(%a: tensor<?xf32>, %b: tensor<?xf32>, %g: tensor<?xf32>):
    %c = array.add %a, %a : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    %d = array.mul %c, %g : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    array.yield %d : tensor<?xf32>
  }
  return %y : tensor<?xf32>
}

// CHECK-LABEL: @several
// CHECK: %{{.*}}:2 = array.call "both"(%{{.*}}, %{{.*}}) : (tensor<4xf32>, tensor<4xi64>) -> (tensor<4xf32>, tensor<4xi64>) {
// CHECK-NOT: vjp
func.func @several(%x: tensor<4xf32>, %i: tensor<4xi64>) -> tensor<4xi64> {
  %y:2 = array.call "both" (%x, %i) : (tensor<4xf32>, tensor<4xi64>) -> (tensor<4xf32>, tensor<4xi64>) {
  ^bb0(%a: tensor<4xf32>, %b: tensor<4xi64>):
    array.yield %a, %b : tensor<4xf32>, tensor<4xi64>
  }
  return %y#1 : tensor<4xi64>
}
