	.file	"stepwell_kernel"
	.text
	.globl	stepwell_kernel
	.p2align	4
	.type	stepwell_kernel,@function
stepwell_kernel:
	movq	(%rsi), %rax
	movq	32(%rsi), %rcx
	vbroadcastss	24(%rsi), %xmm0
	movl	$0, (%rcx)
	vmulps	(%rax), %xmm0, %xmm0
	vxorps	%xmm1, %xmm1, %xmm1
	vaddps	%xmm1, %xmm0, %xmm0
	vsubps	%xmm0, %xmm0, %xmm2
	vsubps	%xmm2, %xmm1, %xmm3
	vaddps	%xmm2, %xmm3, %xmm2
	vcmpordps	%xmm1, %xmm2, %k1
	vaddps	%xmm2, %xmm0, %xmm0 {%k1}
	vshufpd	$1, %xmm0, %xmm0, %xmm1
	vaddps	%xmm1, %xmm0, %xmm0
	vmovshdup	%xmm0, %xmm1
	vaddss	%xmm1, %xmm0, %xmm0
	vxorps	%xmm1, %xmm1, %xmm1
	vaddss	%xmm1, %xmm0, %xmm0
	vmovss	%xmm0, (%rcx)
	xorl	%eax, %eax
	retq
.Lfunc_end0:
	.size	stepwell_kernel, .Lfunc_end0-stepwell_kernel

	.type	stepwell_abi_version,@object
	.section	.rodata,"a",@progbits
	.weak	stepwell_abi_version
	.p2align	2, 0x0
stepwell_abi_version:
	.long	2
	.size	stepwell_abi_version, 4

	.section	".note.GNU-stack","",@progbits
