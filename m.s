# LLVM-MCA-BEGIN

	vmovups	128(%rax,%rdi,4), %ymm2
	vmovups	%ymm2, 320(%rsp)
	vmovups	224(%rax,%rdi,4), %ymm3
	vmovups	%ymm3, 288(%rsp)
	vmovups	192(%rax,%rdi,4), %ymm0
	vmovups	%ymm0, 1792(%rsp)
	vmovups	352(%rsp), %ymm4
	vandps	%ymm4, %ymm0, %ymm0
	vandps	%ymm4, %ymm3, %ymm1
	vandps	%ymm4, %ymm2, %ymm2
	vbroadcastss	.LCPI0_1(%rip), %ymm3
	vminps	%ymm2, %ymm3, %ymm8
	vmovups	%ymm8, 32(%rsp)
	vminps	%ymm1, %ymm3, %ymm4
	vmovups	%ymm4, 64(%rsp)
	vminps	%ymm0, %ymm3, %ymm3
	vmovups	%ymm3, 96(%rsp)
	vbroadcastss	.LCPI0_2(%rip), %ymm7
	vmulps	%ymm7, %ymm3, %ymm2
	vmulps	%ymm7, %ymm4, %ymm1
	vmulps	%ymm7, %ymm8, %ymm9
	vmulps	%ymm9, %ymm8, %ymm0
	vmovups	%ymm0, (%rsp)
	vmulps	%ymm1, %ymm4, %ymm6
	vmulps	%ymm2, %ymm3, %ymm5
	vfmsub213ps	%ymm5, %ymm3, %ymm2
	vfmsub213ps	%ymm6, %ymm4, %ymm1
	vfmsub213ps	%ymm0, %ymm8, %ymm9
	vbroadcastss	.LCPI0_3(%rip), %ymm10
	vmovaps	%ymm10, %ymm3
	vbroadcastss	.LCPI0_4(%rip), %ymm11
	vfmsub213ps	%ymm11, %ymm5, %ymm3
	vmovaps	%ymm3, %ymm4
	vmovups	%ymm3, 1824(%rsp)
	vmovaps	%ymm10, %ymm3
	vfmsub213ps	%ymm11, %ymm6, %ymm3
	vmovups	%ymm3, 1856(%rsp)
	vaddps	%ymm3, %ymm11, %ymm3
	vaddps	%ymm4, %ymm11, %ymm4
	vbroadcastss	.LCPI0_5(%rip), %ymm12
	vfmadd231ps	%ymm12, %ymm4, %ymm5
	vfmadd231ps	%ymm12, %ymm3, %ymm6
	vbroadcastss	.LCPI0_6(%rip), %ymm13
	vfmadd231ps	%ymm3, %ymm13, %ymm1
	vfmadd231ps	%ymm4, %ymm13, %ymm2
	vmulps	%ymm5, %ymm5, %ymm3
	vbroadcastss	.LCPI0_8(%rip), %ymm15
	vmovaps	%ymm15, %ymm4
	vmovaps	%ymm15, %ymm12
	vbroadcastss	.LCPI0_7(%rip), %ymm14
	vfmadd213ps	%ymm14, %ymm5, %ymm4
	vbroadcastss	.LCPI0_9(%rip), %ymm15
	vfmadd213ps	%ymm15, %ymm5, %ymm4
	vbroadcastss	.LCPI0_10(%rip), %ymm8
	vfmadd213ps	%ymm8, %ymm5, %ymm4
	vmovups	%ymm5, 1760(%rsp)
	vfmsub213ps	%ymm7, %ymm5, %ymm4
	vmulps	%ymm4, %ymm3, %ymm3
	vbroadcastss	.LCPI0_11(%rip), %ymm0
	vaddps	%ymm0, %ymm5, %ymm4
	vaddps	%ymm3, %ymm4, %ymm4
	vfmadd213ps	%ymm3, %ymm2, %ymm4
	vmovups	%ymm4, 1056(%rsp)
	vmovups	%ymm6, 1696(%rsp)
	vmulps	%ymm6, %ymm6, %ymm2
	vmovaps	%ymm12, %ymm4
	vmovaps	%ymm12, %ymm3
	vmovaps	%ymm14, %ymm12
	vfmadd213ps	%ymm14, %ymm6, %ymm3
	vfmadd213ps	%ymm15, %ymm6, %ymm3
	vfmadd213ps	%ymm8, %ymm6, %ymm3
	vfmsub213ps	%ymm7, %ymm6, %ymm3
	vmulps	%ymm3, %ymm2, %ymm2
	vaddps	%ymm0, %ymm6, %ymm3
	vaddps	%ymm2, %ymm3, %ymm3
	vfmadd213ps	%ymm2, %ymm1, %ymm3
	vmovups	%ymm3, 1024(%rsp)
	vmovaps	%ymm10, %ymm14
	vmovaps	%ymm10, %ymm1
	vmovups	(%rsp), %ymm3
	vfmsub213ps	%ymm11, %ymm3, %ymm1
	vmovups	%ymm1, 1728(%rsp)
	vaddps	%ymm1, %ymm11, %ymm1
	vbroadcastss	.LCPI0_5(%rip), %ymm10
	vfmadd231ps	%ymm10, %ymm1, %ymm3
	vmovups	%ymm3, (%rsp)
	vbroadcastss	.LCPI0_6(%rip), %ymm6
	vfmadd231ps	%ymm1, %ymm6, %ymm9
	vmovaps	%ymm4, %ymm1
	vfmadd213ps	%ymm12, %ymm3, %ymm1
	vfmadd213ps	%ymm15, %ymm3, %ymm1
	vfmadd213ps	%ymm8, %ymm3, %ymm1
	vmovaps	%ymm8, %ymm4
	vfmsub213ps	%ymm7, %ymm3, %ymm1
	vmulps	%ymm3, %ymm3, %ymm2
	vmulps	%ymm1, %ymm2, %ymm1
	vaddps	%ymm0, %ymm3, %ymm2
	vaddps	%ymm1, %ymm2, %ymm2
	vfmadd213ps	%ymm1, %ymm9, %ymm2
	vmovups	%ymm2, 992(%rsp)
	vmovups	160(%rax,%rdi,4), %ymm0
	vmovups	%ymm0, 1536(%rsp)
	vmovups	352(%rsp), %ymm5
	vandps	%ymm5, %ymm0, %ymm0
	vbroadcastss	.LCPI0_1(%rip), %ymm8
	vminps	%ymm0, %ymm8, %ymm1
	vmovups	%ymm1, -128(%rsp)
	vmovaps	%ymm7, %ymm9
	vmulps	%ymm7, %ymm1, %ymm0
	vmulps	%ymm0, %ymm1, %ymm3
	vfmsub213ps	%ymm3, %ymm1, %ymm0
	vmovaps	%ymm14, %ymm1
	vmovaps	%ymm14, %ymm13
	vfmsub213ps	%ymm11, %ymm3, %ymm1
	vmovups	%ymm1, 1664(%rsp)
	vaddps	%ymm1, %ymm11, %ymm1
	vfmadd231ps	%ymm10, %ymm1, %ymm3
	vmovups	%ymm3, 1600(%rsp)
	vfmadd231ps	%ymm1, %ymm6, %ymm0
	vbroadcastss	.LCPI0_8(%rip), %ymm1
	vfmadd213ps	%ymm12, %ymm3, %ymm1
	vfmadd213ps	%ymm15, %ymm3, %ymm1
	vfmadd213ps	%ymm4, %ymm3, %ymm1
	vmovaps	%ymm4, %ymm7
	vfmsub213ps	%ymm9, %ymm3, %ymm1
	vmovaps	%ymm9, %ymm14
	vmulps	%ymm3, %ymm3, %ymm2
	vmulps	%ymm1, %ymm2, %ymm1
	vbroadcastss	.LCPI0_11(%rip), %ymm12
	vaddps	%ymm3, %ymm12, %ymm2
	vaddps	%ymm1, %ymm2, %ymm2
	vfmadd213ps	%ymm1, %ymm0, %ymm2
	vmovups	%ymm2, 960(%rsp)
	vmovups	64(%rax,%rdi,4), %ymm0
	vmovups	%ymm0, 1440(%rsp)
	vandps	%ymm5, %ymm0, %ymm0
	vmovaps	%ymm5, %ymm4
	vminps	%ymm0, %ymm8, %ymm1
	vmovaps	%ymm8, %ymm9
	vmovups	%ymm1, -96(%rsp)
	vmulps	%ymm1, %ymm14, %ymm0
	vmulps	%ymm0, %ymm1, %ymm5
	vfmsub213ps	%ymm5, %ymm1, %ymm0
	vmovaps	%ymm13, %ymm2
	vfmsub213ps	%ymm11, %ymm5, %ymm2
	vmovups	%ymm2, 1632(%rsp)
	vaddps	%ymm2, %ymm11, %ymm2
	vfmadd231ps	%ymm10, %ymm2, %ymm5
	vmovups	%ymm5, 1504(%rsp)
	vfmadd231ps	%ymm2, %ymm6, %ymm0
	vmovaps	%ymm6, %ymm13
	vbroadcastss	.LCPI0_8(%rip), %ymm2
	vbroadcastss	.LCPI0_7(%rip), %ymm1
	vfmadd213ps	%ymm1, %ymm5, %ymm2
	vfmadd213ps	%ymm15, %ymm5, %ymm2
	vfmadd213ps	%ymm7, %ymm5, %ymm2
	vfmsub213ps	%ymm14, %ymm5, %ymm2
	vmovaps	%ymm14, %ymm8
	vmulps	%ymm5, %ymm5, %ymm3
	vmulps	%ymm2, %ymm3, %ymm2
	vaddps	%ymm5, %ymm12, %ymm3
	vmovaps	%ymm12, %ymm14
	vaddps	%ymm2, %ymm3, %ymm1
	vfmadd213ps	%ymm2, %ymm0, %ymm1
	vmovups	%ymm1, 1248(%rsp)
	vmovups	96(%rax,%rdi,4), %ymm0
	vmovups	%ymm0, 1344(%rsp)
	vandps	%ymm4, %ymm0, %ymm0
	vminps	%ymm0, %ymm9, %ymm1
	vmovups	%ymm1, -64(%rsp)
	vmulps	%ymm1, %ymm8, %ymm0
	vmulps	%ymm0, %ymm1, %ymm6
	vfmsub213ps	%ymm6, %ymm1, %ymm0
	vbroadcastss	.LCPI0_3(%rip), %ymm3
	vmovaps	%ymm3, %ymm2
	vfmsub213ps	%ymm11, %ymm6, %ymm2
	vmovups	%ymm2, 1568(%rsp)
	vaddps	%ymm2, %ymm11, %ymm2
	vfmadd231ps	%ymm10, %ymm2, %ymm6
	vmovups	%ymm6, 1376(%rsp)
	vfmadd231ps	%ymm2, %ymm13, %ymm0
	vmovaps	%ymm13, %ymm15
	vbroadcastss	.LCPI0_8(%rip), %ymm7
	vmovaps	%ymm7, %ymm2
	vbroadcastss	.LCPI0_7(%rip), %ymm9
	vfmadd213ps	%ymm9, %ymm6, %ymm2
	vbroadcastss	.LCPI0_9(%rip), %ymm12
	vfmadd213ps	%ymm12, %ymm6, %ymm2
	vbroadcastss	.LCPI0_10(%rip), %ymm13
	vfmadd213ps	%ymm13, %ymm6, %ymm2
	vfmsub213ps	%ymm8, %ymm6, %ymm2
	vmulps	%ymm6, %ymm6, %ymm5
	vmulps	%ymm2, %ymm5, %ymm2
	vaddps	%ymm6, %ymm14, %ymm5
	vaddps	%ymm2, %ymm5, %ymm1
	vfmadd213ps	%ymm2, %ymm0, %ymm1
	vmovups	%ymm1, 1184(%rsp)
	vmovups	(%rax,%rdi,4), %ymm0
	vmovups	%ymm0, 1312(%rsp)
	vandps	%ymm4, %ymm0, %ymm0
	vbroadcastss	.LCPI0_1(%rip), %ymm1
	vminps	%ymm0, %ymm1, %ymm2
	vmovups	%ymm2, -32(%rsp)
	vmulps	%ymm2, %ymm8, %ymm1
	vmulps	%ymm1, %ymm2, %ymm0
	vfmsub213ps	%ymm0, %ymm2, %ymm1
	vmovaps	%ymm3, %ymm5
	vfmsub213ps	%ymm11, %ymm0, %ymm5
	vmovups	%ymm5, 1472(%rsp)
	vaddps	%ymm5, %ymm11, %ymm5
	vfmadd231ps	%ymm10, %ymm5, %ymm0
	vmovups	%ymm0, 1280(%rsp)
	vfmadd231ps	%ymm5, %ymm15, %ymm1
	vmovaps	%ymm7, %ymm5
	vfmadd213ps	%ymm9, %ymm0, %ymm5
	vfmadd213ps	%ymm12, %ymm0, %ymm5
	vfmadd213ps	%ymm13, %ymm0, %ymm5
	vfmsub213ps	%ymm8, %ymm0, %ymm5
	vmulps	%ymm0, %ymm0, %ymm6
	vmulps	%ymm5, %ymm6, %ymm5
	vaddps	%ymm0, %ymm14, %ymm6
	vaddps	%ymm5, %ymm6, %ymm0
	vfmadd213ps	%ymm5, %ymm1, %ymm0
	vmovups	%ymm0, 1120(%rsp)
	vmovups	32(%rax,%rdi,4), %ymm0
	vmovups	%ymm0, 1216(%rsp)
	vandps	%ymm4, %ymm0, %ymm0
	vbroadcastss	.LCPI0_1(%rip), %ymm1
	vminps	%ymm0, %ymm1, %ymm5
	vmulps	%ymm5, %ymm8, %ymm0
	vmulps	%ymm0, %ymm5, %ymm1
	vfmsub213ps	%ymm1, %ymm5, %ymm0
	vfmsub213ps	%ymm11, %ymm1, %ymm3
	vmovups	%ymm3, 1408(%rsp)
	vaddps	%ymm3, %ymm11, %ymm6
	vfmadd231ps	%ymm10, %ymm6, %ymm1
	vmovups	%ymm1, 1152(%rsp)
	vfmadd231ps	%ymm6, %ymm15, %ymm0
	vmovaps	%ymm7, %ymm6
	vfmadd213ps	%ymm9, %ymm1, %ymm6
	vfmadd213ps	%ymm12, %ymm1, %ymm6
	vfmadd213ps	%ymm13, %ymm1, %ymm6
	vfmsub213ps	%ymm8, %ymm1, %ymm6
	vmulps	%ymm1, %ymm1, %ymm7
	vmulps	%ymm6, %ymm7, %ymm6
	vaddps	%ymm1, %ymm14, %ymm7
	vaddps	%ymm6, %ymm7, %ymm1
	vfmadd213ps	%ymm6, %ymm0, %ymm1
	vmovups	%ymm1, 1088(%rsp)
	vbroadcastss	.LCPI0_12(%rip), %ymm10
	vaddps	%ymm5, %ymm10, %ymm0
	vbroadcastss	.LCPI0_13(%rip), %ymm12
	vaddps	%ymm0, %ymm12, %ymm6
	vsubps	%ymm6, %ymm5, %ymm6
	vdivps	%ymm0, %ymm14, %ymm7
	vmulps	%ymm7, %ymm5, %ymm1
	vfnmadd213ps	%ymm5, %ymm1, %ymm0
	vmovups	%ymm1, 160(%rsp)
	vfnmadd231ps	%ymm6, %ymm1, %ymm0
	vmulps	%ymm0, %ymm7, %ymm9
	vmovups	%ymm9, 768(%rsp)
	vbroadcastss	.LCPI0_14(%rip), %ymm5
	vmovaps	%ymm5, %ymm0
	vmovaps	%ymm5, %ymm13
	vfmsub213ps	%ymm14, %ymm1, %ymm0
	vmovaps	%ymm14, %ymm11
	vmulps	%ymm0, %ymm0, %ymm7
	vbroadcastss	.LCPI0_16(%rip), %ymm5
	vbroadcastss	.LCPI0_15(%rip), %ymm15
	vfmadd213ps	%ymm15, %ymm7, %ymm5
	vbroadcastss	.LCPI0_17(%rip), %ymm6
	vfmadd213ps	%ymm6, %ymm7, %ymm5
	vbroadcastss	.LCPI0_18(%rip), %ymm6
	vfmadd213ps	%ymm6, %ymm7, %ymm5
	vbroadcastss	.LCPI0_19(%rip), %ymm6
	vfmadd213ps	%ymm6, %ymm7, %ymm5
	vbroadcastss	.LCPI0_21(%rip), %ymm6
	vbroadcastss	.LCPI0_20(%rip), %ymm8
	vfmadd213ps	%ymm8, %ymm7, %ymm6
	vbroadcastss	.LCPI0_22(%rip), %ymm8
	vfmadd213ps	%ymm8, %ymm7, %ymm6
	vbroadcastss	.LCPI0_23(%rip), %ymm12
	vfmadd213ps	%ymm12, %ymm7, %ymm6
	vbroadcastss	.LCPI0_24(%rip), %ymm3
	vfmadd213ps	%ymm3, %ymm7, %ymm6
	vfmadd231ps	%ymm5, %ymm0, %ymm6
	vmovaps	%ymm6, %ymm1
	vbroadcastss	.LCPI0_25(%rip), %ymm14
	vfmadd213ps	%ymm14, %ymm0, %ymm1
	vmovups	%ymm1, 800(%rsp)
	vsubps	%ymm1, %ymm14, %ymm5
	vfmadd231ps	%ymm0, %ymm6, %ymm5
	vaddps	%ymm9, %ymm9, %ymm0
	vfmadd213ps	%ymm5, %ymm6, %ymm0
	vmovups	%ymm0, 928(%rsp)
	vmovups	-32(%rsp), %ymm2
	vaddps	%ymm2, %ymm10, %ymm0
	vdivps	%ymm0, %ymm11, %ymm5
	vbroadcastss	.LCPI0_13(%rip), %ymm4
	vaddps	%ymm4, %ymm0, %ymm6
	vsubps	%ymm6, %ymm2, %ymm6
	vmulps	%ymm5, %ymm2, %ymm7
	vmovups	%ymm7, 128(%rsp)
	vfnmadd213ps	%ymm2, %ymm7, %ymm0
	vfnmadd231ps	%ymm6, %ymm7, %ymm0
	vmulps	%ymm0, %ymm5, %ymm1
	vmovups	%ymm1, 256(%rsp)
	vmovaps	%ymm13, %ymm0
	vfmsub213ps	%ymm11, %ymm7, %ymm0
	vmulps	%ymm0, %ymm0, %ymm2
	vbroadcastss	.LCPI0_16(%rip), %ymm14
	vmovaps	%ymm14, %ymm5
	vfmadd213ps	%ymm15, %ymm2, %ymm5
	vbroadcastss	.LCPI0_17(%rip), %ymm8
	vfmadd213ps	%ymm8, %ymm2, %ymm5
	vbroadcastss	.LCPI0_18(%rip), %ymm6
	vfmadd213ps	%ymm6, %ymm2, %ymm5
	vbroadcastss	.LCPI0_19(%rip), %ymm6
	vfmadd213ps	%ymm6, %ymm2, %ymm5
	vbroadcastss	.LCPI0_21(%rip), %ymm7
	vmovaps	%ymm7, %ymm6
	vbroadcastss	.LCPI0_20(%rip), %ymm9
	vfmadd213ps	%ymm9, %ymm2, %ymm6
	vbroadcastss	.LCPI0_22(%rip), %ymm9
	vfmadd213ps	%ymm9, %ymm2, %ymm6
	vmovaps	%ymm12, %ymm9
	vfmadd213ps	%ymm12, %ymm2, %ymm6
	vmovaps	%ymm3, %ymm12
	vfmadd213ps	%ymm3, %ymm2, %ymm6
	vfmadd231ps	%ymm5, %ymm0, %ymm6
	vmovaps	%ymm6, %ymm2
	vbroadcastss	.LCPI0_25(%rip), %ymm3
	vfmadd213ps	%ymm3, %ymm0, %ymm2
	vmovups	%ymm2, 736(%rsp)
	vsubps	%ymm2, %ymm3, %ymm2
	vfmadd231ps	%ymm0, %ymm6, %ymm2
	vaddps	%ymm1, %ymm1, %ymm0
	vfmadd213ps	%ymm2, %ymm6, %ymm0
	vmovups	%ymm0, 896(%rsp)
	vmovups	-64(%rsp), %ymm3
	vaddps	%ymm3, %ymm10, %ymm0
	vaddps	%ymm4, %ymm0, %ymm2
	vsubps	%ymm2, %ymm3, %ymm2
	vdivps	%ymm0, %ymm11, %ymm5
	vmulps	%ymm5, %ymm3, %ymm1
	vmovups	%ymm1, -32(%rsp)
	vfnmadd213ps	%ymm3, %ymm1, %ymm0
	vfnmadd231ps	%ymm2, %ymm1, %ymm0
	vmulps	%ymm0, %ymm5, %ymm4
	vmovups	%ymm4, 704(%rsp)
	vmovaps	%ymm13, %ymm0
	vfmsub213ps	%ymm11, %ymm1, %ymm0
	vmulps	%ymm0, %ymm0, %ymm2
	vfmadd213ps	%ymm15, %ymm2, %ymm14
	vfmadd213ps	%ymm8, %ymm2, %ymm14
	vbroadcastss	.LCPI0_18(%rip), %ymm1
	vfmadd213ps	%ymm1, %ymm2, %ymm14
	vbroadcastss	.LCPI0_19(%rip), %ymm10
	vfmadd213ps	%ymm10, %ymm2, %ymm14
	vmovaps	%ymm7, %ymm5
	vmovaps	%ymm7, %ymm15
	vbroadcastss	.LCPI0_20(%rip), %ymm6
	vfmadd213ps	%ymm6, %ymm2, %ymm5
	vbroadcastss	.LCPI0_22(%rip), %ymm8
	vfmadd213ps	%ymm8, %ymm2, %ymm5
	vfmadd213ps	%ymm9, %ymm2, %ymm5
	vfmadd213ps	%ymm12, %ymm2, %ymm5
	vfmadd231ps	%ymm14, %ymm0, %ymm5
	vmovaps	%ymm5, %ymm1
	vbroadcastss	.LCPI0_25(%rip), %ymm2
	vfmadd213ps	%ymm2, %ymm0, %ymm1
	vmovups	%ymm1, 640(%rsp)
	vsubps	%ymm1, %ymm2, %ymm2
	vfmadd231ps	%ymm0, %ymm5, %ymm2
	vaddps	%ymm4, %ymm4, %ymm0
	vfmadd213ps	%ymm2, %ymm5, %ymm0
	vmovups	%ymm0, 864(%rsp)
	vmovups	-96(%rsp), %ymm1
	vbroadcastss	.LCPI0_12(%rip), %ymm14
	vaddps	%ymm1, %ymm14, %ymm0
	vdivps	%ymm0, %ymm11, %ymm2
	vbroadcastss	.LCPI0_13(%rip), %ymm3
	vaddps	%ymm3, %ymm0, %ymm3
	vsubps	%ymm3, %ymm1, %ymm3
	vmulps	%ymm2, %ymm1, %ymm4
	vmovups	%ymm4, -64(%rsp)
	vfnmadd213ps	%ymm1, %ymm4, %ymm0
	vfnmadd231ps	%ymm3, %ymm4, %ymm0
	vmulps	%ymm0, %ymm2, %ymm9
	vmovups	%ymm9, 224(%rsp)
	vmovaps	%ymm13, %ymm0
	vfmsub213ps	%ymm11, %ymm4, %ymm0
	vmulps	%ymm0, %ymm0, %ymm1
	vbroadcastss	.LCPI0_16(%rip), %ymm13
	vmovaps	%ymm13, %ymm2
	vbroadcastss	.LCPI0_15(%rip), %ymm12
	vfmadd213ps	%ymm12, %ymm1, %ymm2
	vbroadcastss	.LCPI0_17(%rip), %ymm7
	vfmadd213ps	%ymm7, %ymm1, %ymm2
	vbroadcastss	.LCPI0_18(%rip), %ymm4
	vfmadd213ps	%ymm4, %ymm1, %ymm2
	vmovaps	%ymm10, %ymm5
	vfmadd213ps	%ymm10, %ymm1, %ymm2
	vmovaps	%ymm15, %ymm3
	vfmadd213ps	%ymm6, %ymm1, %ymm3
	vmovaps	%ymm6, %ymm15
	vfmadd213ps	%ymm8, %ymm1, %ymm3
	vbroadcastss	.LCPI0_23(%rip), %ymm10
	vfmadd213ps	%ymm10, %ymm1, %ymm3
	vbroadcastss	.LCPI0_24(%rip), %ymm8
	vfmadd213ps	%ymm8, %ymm1, %ymm3
	vfmadd231ps	%ymm2, %ymm0, %ymm3
	vmovaps	%ymm3, %ymm1
	vbroadcastss	.LCPI0_25(%rip), %ymm2
	vfmadd213ps	%ymm2, %ymm0, %ymm1
	vmovups	%ymm1, 480(%rsp)
	vsubps	%ymm1, %ymm2, %ymm1
	vfmadd231ps	%ymm0, %ymm3, %ymm1
	vaddps	%ymm9, %ymm9, %ymm0
	vfmadd213ps	%ymm1, %ymm3, %ymm0
	vmovups	%ymm0, 832(%rsp)
	vmovups	-128(%rsp), %ymm3
	vaddps	%ymm3, %ymm14, %ymm0
	vbroadcastss	.LCPI0_13(%rip), %ymm9
	vaddps	%ymm0, %ymm9, %ymm1
	vsubps	%ymm1, %ymm3, %ymm1
	vdivps	%ymm0, %ymm11, %ymm2
	vmulps	%ymm2, %ymm3, %ymm6
	vmovups	%ymm6, -96(%rsp)
	vfnmadd213ps	%ymm3, %ymm6, %ymm0
	vfnmadd231ps	%ymm1, %ymm6, %ymm0
	vmulps	%ymm0, %ymm2, %ymm0
	vmovups	%ymm0, 544(%rsp)
	vbroadcastss	.LCPI0_14(%rip), %ymm1
	vfmsub213ps	%ymm11, %ymm6, %ymm1
	vmovaps	%ymm11, %ymm14
	vmulps	%ymm1, %ymm1, %ymm2
	vmovaps	%ymm13, %ymm3
	vmovaps	%ymm13, %ymm11
	vfmadd213ps	%ymm12, %ymm2, %ymm3
	vfmadd213ps	%ymm7, %ymm2, %ymm3
	vfmadd213ps	%ymm4, %ymm2, %ymm3
	vmovaps	%ymm4, %ymm13
	vfmadd213ps	%ymm5, %ymm2, %ymm3
	vbroadcastss	.LCPI0_21(%rip), %ymm4
	vfmadd213ps	%ymm15, %ymm2, %ymm4
	vbroadcastss	.LCPI0_22(%rip), %ymm6
	vfmadd213ps	%ymm6, %ymm2, %ymm4
	vfmadd213ps	%ymm10, %ymm2, %ymm4
	vfmadd213ps	%ymm8, %ymm2, %ymm4
	vfmadd231ps	%ymm3, %ymm1, %ymm4
	vmovaps	%ymm4, %ymm6
	vbroadcastss	.LCPI0_25(%rip), %ymm2
	vfmadd213ps	%ymm2, %ymm1, %ymm6
	vsubps	%ymm6, %ymm2, %ymm2
	vfmadd231ps	%ymm1, %ymm4, %ymm2
	vaddps	%ymm0, %ymm0, %ymm0
	vfmadd213ps	%ymm2, %ymm4, %ymm0
	vmovups	%ymm0, 672(%rsp)
	vmovups	32(%rsp), %ymm0
	vbroadcastss	.LCPI0_12(%rip), %ymm7
	vaddps	%ymm7, %ymm0, %ymm1
	vdivps	%ymm1, %ymm14, %ymm2
	vaddps	%ymm1, %ymm9, %ymm3
	vsubps	%ymm3, %ymm0, %ymm3
	vmulps	%ymm2, %ymm0, %ymm4
	vmovups	%ymm4, -128(%rsp)
	vfnmadd213ps	%ymm0, %ymm4, %ymm1
	vfnmadd231ps	%ymm3, %ymm4, %ymm1
	vmulps	%ymm1, %ymm2, %ymm0
	vmovups	%ymm0, 192(%rsp)
	vbroadcastss	.LCPI0_14(%rip), %ymm15
	vmovaps	%ymm15, %ymm2
	vfmsub213ps	%ymm14, %ymm4, %ymm2
	vmulps	%ymm2, %ymm2, %ymm3
	vmovaps	%ymm11, %ymm4
	vfmadd213ps	%ymm12, %ymm3, %ymm4
	vbroadcastss	.LCPI0_17(%rip), %ymm12
	vfmadd213ps	%ymm12, %ymm3, %ymm4
	vfmadd213ps	%ymm13, %ymm3, %ymm4
	vfmadd213ps	%ymm5, %ymm3, %ymm4
	vbroadcastss	.LCPI0_21(%rip), %ymm14
	vmovaps	%ymm14, %ymm5
	vbroadcastss	.LCPI0_20(%rip), %ymm13
	vfmadd213ps	%ymm13, %ymm3, %ymm5
	vbroadcastss	.LCPI0_22(%rip), %ymm8
	vfmadd213ps	%ymm8, %ymm3, %ymm5
	vfmadd213ps	%ymm10, %ymm3, %ymm5
	vbroadcastss	.LCPI0_24(%rip), %ymm1
	vfmadd213ps	%ymm1, %ymm3, %ymm5
	vfmadd231ps	%ymm4, %ymm2, %ymm5
	vmovaps	%ymm5, %ymm3
	vbroadcastss	.LCPI0_25(%rip), %ymm4
	vfmadd213ps	%ymm4, %ymm2, %ymm3
	vsubps	%ymm3, %ymm4, %ymm4
	vfmadd231ps	%ymm2, %ymm5, %ymm4
	vaddps	%ymm0, %ymm0, %ymm0
	vfmadd213ps	%ymm4, %ymm5, %ymm0
	vmovups	%ymm0, 576(%rsp)
	vmovups	64(%rsp), %ymm0
	vaddps	%ymm7, %ymm0, %ymm2
	vaddps	%ymm2, %ymm9, %ymm4
	vsubps	%ymm4, %ymm0, %ymm4
	vbroadcastss	.LCPI0_11(%rip), %ymm7
	vdivps	%ymm2, %ymm7, %ymm5
	vmulps	%ymm5, %ymm0, %ymm10
	vfnmadd213ps	%ymm0, %ymm10, %ymm2
	vfnmadd231ps	%ymm4, %ymm10, %ymm2
	vmulps	%ymm2, %ymm5, %ymm4
	vmovaps	%ymm15, %ymm2
	vfmsub213ps	%ymm7, %ymm10, %ymm2
	vmovaps	%ymm7, %ymm15
	vmulps	%ymm2, %ymm2, %ymm5
	vbroadcastss	.LCPI0_15(%rip), %ymm0
	vfmadd213ps	%ymm0, %ymm5, %ymm11
	vfmadd213ps	%ymm12, %ymm5, %ymm11
	vbroadcastss	.LCPI0_18(%rip), %ymm0
	vfmadd213ps	%ymm0, %ymm5, %ymm11
	vbroadcastss	.LCPI0_19(%rip), %ymm0
	vfmadd213ps	%ymm0, %ymm5, %ymm11
	vmovaps	%ymm14, %ymm9
	vfmadd213ps	%ymm13, %ymm5, %ymm9
	vfmadd213ps	%ymm8, %ymm5, %ymm9
	vbroadcastss	.LCPI0_23(%rip), %ymm0
	vfmadd213ps	%ymm0, %ymm5, %ymm9
	vfmadd213ps	%ymm1, %ymm5, %ymm9
	vmovaps	%ymm1, %ymm14
	vfmadd231ps	%ymm11, %ymm2, %ymm9
	vmovaps	%ymm9, %ymm5
	vbroadcastss	.LCPI0_25(%rip), %ymm13
	vfmadd213ps	%ymm13, %ymm2, %ymm5
	vsubps	%ymm5, %ymm13, %ymm7
	vfmadd231ps	%ymm2, %ymm9, %ymm7
	vaddps	%ymm4, %ymm4, %ymm0
	vmovaps	%ymm4, %ymm11
	vfmadd213ps	%ymm7, %ymm9, %ymm0
	vmovups	%ymm0, 512(%rsp)
	vmovups	96(%rsp), %ymm0
	vbroadcastss	.LCPI0_12(%rip), %ymm1
	vaddps	%ymm1, %ymm0, %ymm7
	vdivps	%ymm7, %ymm15, %ymm9
	vbroadcastss	.LCPI0_13(%rip), %ymm1
	vaddps	%ymm1, %ymm7, %ymm2
	vsubps	%ymm2, %ymm0, %ymm12
	vmulps	%ymm0, %ymm9, %ymm4
	vfnmadd213ps	%ymm0, %ymm4, %ymm7
	vfnmadd231ps	%ymm12, %ymm4, %ymm7
	vmulps	%ymm7, %ymm9, %ymm7
	vbroadcastss	.LCPI0_14(%rip), %ymm9
	vfmsub213ps	%ymm15, %ymm4, %ymm9
	vmulps	%ymm9, %ymm9, %ymm12
	vbroadcastss	.LCPI0_16(%rip), %ymm1
	vbroadcastss	.LCPI0_15(%rip), %ymm0
	vfmadd213ps	%ymm0, %ymm12, %ymm1
	vbroadcastss	.LCPI0_17(%rip), %ymm0
	vfmadd213ps	%ymm0, %ymm12, %ymm1
	vbroadcastss	.LCPI0_18(%rip), %ymm0
	vfmadd213ps	%ymm0, %ymm12, %ymm1
	vbroadcastss	.LCPI0_19(%rip), %ymm0
	vfmadd213ps	%ymm0, %ymm12, %ymm1
	vbroadcastss	.LCPI0_21(%rip), %ymm0
	vbroadcastss	.LCPI0_20(%rip), %ymm2
	vfmadd213ps	%ymm2, %ymm12, %ymm0
	vfmadd213ps	%ymm8, %ymm12, %ymm0
	vbroadcastss	.LCPI0_23(%rip), %ymm2
	vfmadd213ps	%ymm2, %ymm12, %ymm0
	vfmadd213ps	%ymm14, %ymm12, %ymm0
	vfmadd231ps	%ymm1, %ymm9, %ymm0
	vmovaps	%ymm0, %ymm2
	vfmadd213ps	%ymm13, %ymm9, %ymm2
	vsubps	%ymm2, %ymm13, %ymm1
	vfmadd231ps	%ymm9, %ymm0, %ymm1
	vaddps	%ymm7, %ymm7, %ymm8
	vfmadd213ps	%ymm1, %ymm0, %ymm8
	vmovups	%ymm8, 448(%rsp)
	vmulps	%ymm2, %ymm4, %ymm0
	vmovups	%ymm0, 96(%rsp)
	vmovaps	%ymm2, %ymm9
	vfmsub213ps	%ymm0, %ymm4, %ymm9
	vfmadd231ps	%ymm2, %ymm7, %ymm9
	vmulps	%ymm5, %ymm10, %ymm0
	vmovups	%ymm0, 32(%rsp)
	vmovaps	%ymm5, %ymm13
	vfmsub213ps	%ymm0, %ymm10, %ymm13
	vfmadd231ps	%ymm5, %ymm11, %ymm13
	vmovups	-128(%rsp), %ymm1
	vmulps	%ymm3, %ymm1, %ymm12
	vmovaps	%ymm3, %ymm7
	vfmsub213ps	%ymm12, %ymm1, %ymm7
	vmovups	%ymm12, 608(%rsp)
	vfmadd231ps	192(%rsp), %ymm3, %ymm7
	vmovups	-96(%rsp), %ymm1
	vmulps	%ymm6, %ymm1, %ymm14
	vmovaps	%ymm6, %ymm11
	vfmsub213ps	%ymm14, %ymm1, %ymm11
	vmovups	%ymm14, 192(%rsp)
	vfmadd231ps	544(%rsp), %ymm6, %ymm11
	vmovups	-64(%rsp), %ymm0
	vmovups	480(%rsp), %ymm2
	vmulps	%ymm2, %ymm0, %ymm1
	vmovups	%ymm1, 64(%rsp)
	vmovaps	%ymm2, %ymm5
	vfmsub213ps	%ymm1, %ymm0, %ymm5
	vfmadd231ps	224(%rsp), %ymm2, %ymm5
	vmovups	-32(%rsp), %ymm0
	vmovups	640(%rsp), %ymm2
	vmulps	%ymm2, %ymm0, %ymm1
	vmovups	%ymm1, 224(%rsp)
	vmovaps	%ymm2, %ymm6
	vfmsub213ps	%ymm1, %ymm0, %ymm6
	vfmadd231ps	704(%rsp), %ymm2, %ymm6
	vmovups	128(%rsp), %ymm0
	vmovups	736(%rsp), %ymm1
	vmulps	%ymm1, %ymm0, %ymm3
	vmovaps	%ymm1, %ymm8
	vfmsub213ps	%ymm3, %ymm0, %ymm8
	vfmadd231ps	256(%rsp), %ymm1, %ymm8
	vmovups	160(%rsp), %ymm0
	vmovups	800(%rsp), %ymm1
	vmulps	%ymm1, %ymm0, %ymm2
	vmovups	%ymm2, 256(%rsp)
	vmovaps	%ymm1, %ymm15
	vfmsub213ps	%ymm2, %ymm0, %ymm15
	vfmadd231ps	768(%rsp), %ymm1, %ymm15
	vmovups	96(%rsp), %ymm0
	vfmadd231ps	1056(%rsp), %ymm0, %ymm9
	vfmadd231ps	448(%rsp), %ymm4, %ymm9
	vmovups	32(%rsp), %ymm0
	vfmadd231ps	1024(%rsp), %ymm0, %ymm13
	vfmadd231ps	512(%rsp), %ymm10, %ymm13
	vfmadd231ps	992(%rsp), %ymm12, %ymm7
	vmovups	-128(%rsp), %ymm0
	vfmadd231ps	576(%rsp), %ymm0, %ymm7
	vfmadd231ps	960(%rsp), %ymm14, %ymm11
	vmovups	-96(%rsp), %ymm0
	vfmadd231ps	672(%rsp), %ymm0, %ymm11
	vmovups	1792(%rsp), %ymm12
	vsubps	%ymm12, %ymm12, %ymm2
	vmovups	384(%rsp), %ymm1
	vxorps	%ymm1, %ymm2, %ymm2
	vxorps	%xmm10, %xmm10, %xmm10
	vcmpltps	%ymm10, %ymm12, %ymm4
	vblendvps	%ymm4, %ymm2, %ymm12, %ymm0
	vmovups	%ymm0, -96(%rsp)
	vmovups	64(%rsp), %ymm0
	vfmadd231ps	1248(%rsp), %ymm0, %ymm5
	vmovups	-64(%rsp), %ymm0
	vfmadd231ps	832(%rsp), %ymm0, %ymm5
	vmovups	288(%rsp), %ymm12
	vsubps	%ymm12, %ymm12, %ymm2
	vxorps	%ymm1, %ymm2, %ymm2
	vcmpltps	%ymm10, %ymm12, %ymm4
	vblendvps	%ymm4, %ymm2, %ymm12, %ymm0
	vmovups	%ymm0, -64(%rsp)
	vmovups	320(%rsp), %ymm12
	vsubps	%ymm12, %ymm12, %ymm2
	vxorps	%ymm1, %ymm2, %ymm2
	vcmpltps	%ymm10, %ymm12, %ymm4
	vblendvps	%ymm4, %ymm2, %ymm12, %ymm0
	vmovups	%ymm0, -128(%rsp)
	vmovups	224(%rsp), %ymm14
	vfmadd231ps	1184(%rsp), %ymm14, %ymm6
	vmovups	-32(%rsp), %ymm0
	vfmadd231ps	864(%rsp), %ymm0, %ymm6
	vmovups	1536(%rsp), %ymm12
	vsubps	%ymm12, %ymm12, %ymm2
	vxorps	%ymm1, %ymm2, %ymm2
	vcmpltps	%ymm10, %ymm12, %ymm4
	vblendvps	%ymm4, %ymm2, %ymm12, %ymm0
	vmovups	%ymm0, -32(%rsp)
	vmovups	1440(%rsp), %ymm12
	vsubps	%ymm12, %ymm12, %ymm2
	vxorps	%ymm1, %ymm2, %ymm2
	vcmpltps	%ymm10, %ymm12, %ymm4
	vblendvps	%ymm4, %ymm2, %ymm12, %ymm0
	vmovups	%ymm0, 320(%rsp)
	vfmadd231ps	1120(%rsp), %ymm3, %ymm8
	vmovups	128(%rsp), %ymm0
	vfmadd231ps	896(%rsp), %ymm0, %ymm8
	vmovups	1344(%rsp), %ymm12
	vsubps	%ymm12, %ymm12, %ymm2
	vxorps	%ymm1, %ymm2, %ymm2
	vcmpltps	%ymm10, %ymm12, %ymm4
	vblendvps	%ymm4, %ymm2, %ymm12, %ymm0
	vmovups	%ymm0, 128(%rsp)
	vmovups	1312(%rsp), %ymm0
	vsubps	%ymm0, %ymm0, %ymm2
	vxorps	%ymm1, %ymm2, %ymm2
	vcmpltps	%ymm10, %ymm0, %ymm4
	vblendvps	%ymm4, %ymm2, %ymm0, %ymm0
	vmovups	%ymm0, 288(%rsp)
	vmovups	256(%rsp), %ymm12
	vfmadd231ps	1088(%rsp), %ymm12, %ymm15
	vmovups	160(%rsp), %ymm0
	vfmadd231ps	928(%rsp), %ymm0, %ymm15
	vmovups	1216(%rsp), %ymm0
	vsubps	%ymm0, %ymm0, %ymm2
	vxorps	%ymm1, %ymm2, %ymm2
	vcmpltps	%ymm10, %ymm0, %ymm10
	vblendvps	%ymm10, %ymm2, %ymm0, %ymm0
	vmovups	%ymm0, 160(%rsp)
	vfmadd231ps	1152(%rsp), %ymm12, %ymm15
	vfmadd231ps	1280(%rsp), %ymm3, %ymm8
	vmovaps	%ymm3, %ymm4
	vmovaps	%ymm14, %ymm3
	vfmadd231ps	1376(%rsp), %ymm14, %ymm6
	vmovups	64(%rsp), %ymm2
	vfmadd231ps	1504(%rsp), %ymm2, %ymm5
	vmovups	192(%rsp), %ymm14
	vfmadd231ps	1600(%rsp), %ymm14, %ymm11
	vmovups	608(%rsp), %ymm10
	vfmadd231ps	(%rsp), %ymm10, %ymm7
	vmovups	32(%rsp), %ymm1
	vfmadd231ps	1696(%rsp), %ymm1, %ymm13
	vmovups	96(%rsp), %ymm0
	vfmadd231ps	1760(%rsp), %ymm0, %ymm9
	vaddps	%ymm0, %ymm9, %ymm9
	vaddps	%ymm1, %ymm13, %ymm13
	vaddps	%ymm7, %ymm10, %ymm7
	vaddps	%ymm11, %ymm14, %ymm0
	vaddps	%ymm5, %ymm2, %ymm1
	vaddps	%ymm6, %ymm3, %ymm6
	vaddps	%ymm4, %ymm8, %ymm8
	vaddps	%ymm15, %ymm12, %ymm3
	vmovdqu	1824(%rsp), %ymm10
	vpslld	$23, %ymm10, %ymm10
	vmovdqu	416(%rsp), %ymm11
	vpaddd	%ymm11, %ymm10, %ymm10
	vmulps	%ymm10, %ymm9, %ymm9
	vmovdqu	1856(%rsp), %ymm10
	vpslld	$23, %ymm10, %ymm10
	vpaddd	%ymm11, %ymm10, %ymm10
	vmulps	%ymm10, %ymm13, %ymm2
	vmovdqu	1728(%rsp), %ymm10
	vpslld	$23, %ymm10, %ymm10
	vpaddd	%ymm11, %ymm10, %ymm10
	vmulps	%ymm7, %ymm10, %ymm5
	vmovdqu	1664(%rsp), %ymm10
	vpslld	$23, %ymm10, %ymm10
	vpaddd	%ymm11, %ymm10, %ymm10
	vmulps	%ymm0, %ymm10, %ymm14
	vmovdqu	1632(%rsp), %ymm0
	vpslld	$23, %ymm0, %ymm10
	vpaddd	%ymm11, %ymm10, %ymm10
	vmulps	%ymm1, %ymm10, %ymm0
	vmovdqu	1568(%rsp), %ymm1
	vpslld	$23, %ymm1, %ymm10
	vpaddd	%ymm11, %ymm10, %ymm10
	vmulps	%ymm6, %ymm10, %ymm6
	vmovdqu	1472(%rsp), %ymm1
	vpslld	$23, %ymm1, %ymm10
	vpaddd	%ymm11, %ymm10, %ymm10
	vmulps	%ymm10, %ymm8, %ymm8
	vmovdqu	1408(%rsp), %ymm1
	vpslld	$23, %ymm1, %ymm10
	vpaddd	%ymm11, %ymm10, %ymm10
	vmulps	%ymm3, %ymm10, %ymm3
	vbroadcastss	.LCPI0_27(%rip), %ymm10
	vmulps	%ymm10, %ymm9, %ymm9
	vaddps	-96(%rsp), %ymm9, %ymm9
	vmulps	%ymm2, %ymm10, %ymm7
	vaddps	-64(%rsp), %ymm7, %ymm7
	vmulps	%ymm5, %ymm10, %ymm5
	vaddps	-128(%rsp), %ymm5, %ymm5
	vmulps	%ymm10, %ymm14, %ymm1
	vaddps	-32(%rsp), %ymm1, %ymm1
	vmulps	%ymm0, %ymm10, %ymm0
	vaddps	320(%rsp), %ymm0, %ymm0
	vmulps	%ymm6, %ymm10, %ymm6
	vaddps	128(%rsp), %ymm6, %ymm6
	vmulps	%ymm10, %ymm8, %ymm8
	vaddps	288(%rsp), %ymm8, %ymm4
	vmulps	%ymm3, %ymm10, %ymm3
	vaddps	160(%rsp), %ymm3, %ymm2
	vmovups	%ymm9, 192(%rsi,%rdi,4)
	vmovups	%ymm7, 224(%rsi,%rdi,4)
	vmovups	%ymm5, 128(%rsi,%rdi,4)
	vmovups	%ymm1, 160(%rsi,%rdi,4)
	vmovups	%ymm0, 64(%rsi,%rdi,4)
	vmovups	%ymm6, 96(%rsi,%rdi,4)
	vmovups	%ymm4, (%rsi,%rdi,4)
	vmovups	%ymm2, 32(%rsi,%rdi,4)
	addq	$64, %rdi
	cmpq	%rcx, %rdi
	nop
# LLVM-MCA-END
