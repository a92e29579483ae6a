// RUN: stepwell-opt %s -split-input-file -stepwell-lower-entry -verify-diagnostics

func.func @main(%x: tensor<?xf32> {stepwell.shape_only}) -> tensor<?xf32> {
  // expected-error @+1 {{input 0 has sizes but no data here (stepwell.shape_only), and this operation reads its data}}
  %0 = math.exp %x : tensor<?xf32>
  return %0 : tensor<?xf32>
}

// -----

// expected-error @+1 {{result 0: cannot write 'tensor<?xf32>' into input 0 of type 'tensor<?xf64>'}}
func.func @main(%x: tensor<?xf64>, %y: tensor<?xf32>) -> (tensor<?xf32> {stepwell.into = 0 : i64}) {
  return %y : tensor<?xf32>
}

// -----

// expected-error @+1 {{input 0: unknown layout 'columns': contiguous, rows or strided}}
func.func @main(%x: tensor<?x?xf32> {stepwell.layout = "columns"}) {
  return
}

// -----

// expected-error @+1 {{input 0: element type 'i1' has no buffer: bool and ui8 are i8 in memory}}
func.func @main(%x: tensor<?xi1>) {
  return
}
