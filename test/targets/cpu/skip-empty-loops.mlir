// RUN: stepwell-opt %s --cpu-skip-empty-loops | FileCheck %s

// Rows of no columns are none, however many there are.

// CHECK-LABEL: @rows
// CHECK-SAME: (%[[X:.*]]: memref<?x?xf32>, %[[ROWS:.*]]: index, %[[COLUMNS:.*]]: index
// CHECK-DAG: %[[NONE:.*]] = arith.constant 0
// CHECK: %[[EMPTY:.*]] = arith.cmpi sge, %[[NONE]], %[[COLUMNS]]
// CHECK: %[[END:.*]] = arith.select %[[EMPTY]], %[[NONE]], %[[ROWS]]
// CHECK: scf.for %{{.*}} = %[[NONE]] to %[[END]]
// CHECK-NEXT: scf.for %{{.*}} = %[[NONE]] to %[[COLUMNS]]
func.func @rows(%x: memref<?x?xf32>, %rows: index, %columns: index, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %rows step %c1 {
    scf.for %j = %c0 to %columns step %c1 {
      memref.store %v, %x[%i, %j] : memref<?x?xf32>
    }
  }
  return
}

// Whole vectors, and a rest: both are looked at.

// CHECK-LABEL: @vectors
// CHECK: %[[WHOLE:.*]] = arith.andi %[[COLUMNS:.*]], %
// CHECK: %[[NO_VECTOR:.*]] = arith.cmpi sge, %{{.*}}, %[[WHOLE]]
// CHECK: %[[SOME:.*]] = arith.cmpi slt, %[[WHOLE]], %[[COLUMNS]]
// CHECK: %[[NO_REST:.*]] = arith.xori %[[SOME]]
// CHECK: %[[EMPTY:.*]] = arith.andi %[[NO_VECTOR]], %[[NO_REST]]
// CHECK: arith.select %[[EMPTY]]
func.func @vectors(%x: memref<?x?xf32>, %rows: index, %columns: index, %v: f32) {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c8 = arith.constant 8 : index
  %mask = arith.constant -8 : index
  scf.for %i = %c0 to %rows step %c1 {
    %whole = arith.andi %columns, %mask : index
    scf.for %j = %c0 to %whole step %c8 {
      memref.store %v, %x[%i, %j] : memref<?x?xf32>
    }
    %some = arith.cmpi slt, %whole, %columns : index
    scf.if %some {
      memref.store %v, %x[%i, %whole] : memref<?x?xf32>
    }
  }
  return
}

// A sum of nothing is what it began with.

// CHECK-LABEL: @sum
// CHECK: arith.select
// CHECK: scf.for
// CHECK: scf.for
func.func @sum(%x: memref<?x?xf32>, %rows: index, %columns: index, %v: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %r = scf.for %i = %c0 to %rows step %c1 iter_args(%a = %v) -> f32 {
    %s = scf.for %j = %c0 to %columns step %c1 iter_args(%b = %a) -> f32 {
      %e = memref.load %x[%i, %j] : memref<?x?xf32>
      %n = arith.addf %b, %e : f32
      scf.yield %n : f32
    }
    scf.yield %s : f32
  }
  return %r : f32
}

// What has something to do for each row runs: it writes, counts, or has rows
// of other lengths.

// CHECK-LABEL: @busy
// CHECK-NOT: arith.select
func.func @busy(%x: memref<?x?xf32>, %y: memref<?xf32>, %rows: index, %columns: index, %v: f32) -> f32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.for %i = %c0 to %rows step %c1 {
    memref.store %v, %y[%i] : memref<?xf32>
    scf.for %j = %c0 to %columns step %c1 {
      memref.store %v, %x[%i, %j] : memref<?x?xf32>
    }
  }
  %count = scf.for %i = %c0 to %rows step %c1 iter_args(%a = %v) -> f32 {
    scf.for %j = %c0 to %columns step %c1 {
      memref.store %v, %x[%i, %j] : memref<?x?xf32>
    }
    %n = arith.addf %a, %v : f32
    scf.yield %n : f32
  }
  scf.for %i = %c0 to %rows step %c1 {
    scf.for %j = %c0 to %i step %c1 {
      memref.store %v, %x[%i, %j] : memref<?x?xf32>
    }
  }
  return %count : f32
}
