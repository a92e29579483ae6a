# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Runs a Stepwell SPIR-V object on the first Vulkan device, through ctypes alone."""

import ctypes as C
import functools
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
import manifest  # noqa: E402

WORKSPACE_TYPES = 7  # i8 i16 i32 i64 f16 f32 f64
U32, U64, P = C.c_uint32, C.c_uint64, C.c_void_p


def struct(name, *fields):
    return type(name, (C.Structure,), {"_fields_": list(fields)})


def info(name, number, *fields):
    """A structure that begins with sType and pNext."""
    made = struct(name, ("sType", U32), ("pNext", P), *fields)
    return lambda **values: made(sType=number, **values)


App = info("App", 0, ("n", C.c_char_p), ("v", U32), ("e", C.c_char_p), ("w", U32), ("api", U32))
InstanceInfo = info(
    "InstanceInfo", 1, ("flags", U32), ("app", P), ("nl", U32), ("l", P), ("ne", U32), ("e", P)
)
QueueInfo = info("QueueInfo", 2, ("flags", U32), ("family", U32), ("count", U32), ("priorities", P))
DeviceInfo = info(
    "DeviceInfo",
    3,
    ("flags", U32),
    ("queueCount", U32),
    ("queues", P),
    ("nl", U32),
    ("l", P),
    ("ne", U32),
    ("e", P),
    ("features", P),
)
Features2 = info("Features2", 1000059000, ("all", U32 * 55))
Features11 = info("Features11", 49, ("all", U32 * 12))
Features12 = info("Features12", 51, ("all", U32 * 47))
BufferInfo = info(
    "BufferInfo",
    12,
    ("flags", U32),
    ("size", U64),
    ("usage", U32),
    ("sharing", U32),
    ("nf", U32),
    ("f", P),
)
Requirements = struct("Requirements", ("size", U64), ("alignment", U64), ("types", U32))
MemoryType = struct("MemoryType", ("flags", U32), ("heap", U32))
MemoryHeap = struct("MemoryHeap", ("size", U64), ("flags", U32))
MemoryProperties = struct(
    "MemoryProperties",
    ("nTypes", U32),
    ("types", MemoryType * 32),
    ("nHeaps", U32),
    ("heaps", MemoryHeap * 16),
)
MemoryInfo = info("MemoryInfo", 5, ("size", U64), ("type", U32))
ShaderInfo = info("ShaderInfo", 16, ("flags", U32), ("bytes", C.c_size_t), ("code", P))
LayoutBinding = struct(
    "LayoutBinding",
    ("binding", U32),
    ("type", U32),
    ("count", U32),
    ("stages", U32),
    ("samplers", P),
)
SetLayoutInfo = info("SetLayoutInfo", 32, ("flags", U32), ("count", U32), ("bindings", P))
PipelineLayoutInfo = info(
    "PipelineLayoutInfo",
    30,
    ("flags", U32),
    ("nSets", U32),
    ("sets", P),
    ("nRanges", U32),
    ("ranges", P),
)
STAGE = [
    ("sType", U32),
    ("pNext", P),
    ("flags", U32),
    ("stage", U32),
    ("module", U64),
    ("name", C.c_char_p),
    ("special", P),
]
Stage = struct("Stage", *STAGE)
PipelineInfo = info(
    "PipelineInfo",
    29,
    ("flags", U32),
    ("stage", Stage),
    ("layout", U64),
    ("base", U64),
    ("index", C.c_int32),
)
PoolSize = struct("PoolSize", ("type", U32), ("count", U32))
PoolInfo = info("PoolInfo", 33, ("flags", U32), ("sets", U32), ("n", U32), ("sizes", P))
SetInfo = info("SetInfo", 34, ("pool", U64), ("count", U32), ("layouts", P))
BufferRange = struct("BufferRange", ("buffer", U64), ("offset", U64), ("range", U64))
Write = info(
    "Write",
    35,
    ("set", U64),
    ("binding", U32),
    ("element", U32),
    ("count", U32),
    ("type", U32),
    ("image", P),
    ("buffer", P),
    ("texel", P),
)
CommandPoolInfo = info("CommandPoolInfo", 39, ("flags", U32), ("family", U32))
CommandInfo = info("CommandInfo", 40, ("pool", U64), ("level", U32), ("count", U32))
BeginInfo = info("BeginInfo", 42, ("flags", U32), ("inherit", P))
Barrier = info("Barrier", 46, ("source", U32), ("target", U32))
SubmitInfo = info(
    "SubmitInfo",
    4,
    ("nw", U32),
    ("w", P),
    ("stages", P),
    ("count", U32),
    ("commands", P),
    ("ns", U32),
    ("s", P),
)


class VulkanError(RuntimeError):
    pass


class Vulkan:
    STORAGE_BUFFER, COMPUTE = 7, 0x20

    def __init__(self):
        try:
            self.library = C.CDLL("libvulkan.so.1")
        except OSError as error:
            raise VulkanError(str(error)) from error
        app = App(api=(1 << 22) | (2 << 12))
        self.instance = self.make("CreateInstance", InstanceInfo(app=C.addressof(app)), kind=P)
        count = U32(1)
        physical = P()
        self.call("EnumeratePhysicalDevices", self.instance, C.byref(count), C.byref(physical))
        if not physical:
            raise VulkanError("there is no Vulkan device")
        self.physical = physical
        # Whatever the device has is switched on.
        twelve = Features12()
        eleven = Features11(pNext=C.addressof(twelve))
        features = Features2(pNext=C.addressof(eleven))
        self.call("GetPhysicalDeviceFeatures2", physical, C.byref(features), check=False)
        priority = C.c_float(1)
        queue = QueueInfo(count=1, priorities=C.addressof(priority))
        self.device = self.make(
            "CreateDevice",
            DeviceInfo(pNext=C.addressof(features), queueCount=1, queues=C.addressof(queue)),
            owner=physical,
            kind=P,
        )
        self.queue = P()
        self.call("GetDeviceQueue", self.device, U32(0), U32(0), C.byref(self.queue), check=False)
        self.memory = MemoryProperties()
        self.call("GetPhysicalDeviceMemoryProperties", physical, C.byref(self.memory), check=False)
        self.commands = self.make("CreateCommandPool", CommandPoolInfo())

    def call(self, name, *arguments, check=True):
        function = getattr(self.library, "vk" + name)
        function.restype = C.c_int32 if check else None
        result = function(*arguments)
        if check and result != 0:
            raise VulkanError(f"vk{name} failed with {result}")

    def make(self, name, information, owner=None, kind=U64):
        handle = kind()
        first = [] if name == "CreateInstance" else [owner or self.device]
        self.call(name, *first, C.byref(information), None, C.byref(handle))
        return handle

    def buffer(self, size):
        """A storage buffer and its bytes, seen by both sides."""
        size = max(size, 16)
        made = self.make("CreateBuffer", BufferInfo(size=size, usage=0x20))
        needs = Requirements()
        self.call("GetBufferMemoryRequirements", self.device, made, C.byref(needs), check=False)
        visible = 0x2 | 0x4  # to the host, coherently
        kind = next(
            i
            for i in range(self.memory.nTypes)
            if needs.types >> i & 1 and self.memory.types[i].flags & visible == visible
        )
        memory = self.make("AllocateMemory", MemoryInfo(size=needs.size, type=kind))
        self.call("BindBufferMemory", self.device, made, memory, U64(0))
        address = P()
        self.call(
            "MapMemory", self.device, memory, U64(0), U64(needs.size), U32(0), C.byref(address)
        )
        view = np.ctypeslib.as_array(C.cast(address, C.POINTER(C.c_uint8)), (size,))
        return made, memory, view

    def launch(self, binary, arguments):
        """Runs every kernel of an object; NumPy arrays are read and written in place."""
        plan = manifest.from_spirv(binary)
        tensors = [a for a in arguments if isinstance(a, np.ndarray)]
        assert len(plan["arguments"]) == len(arguments)

        def position(array):
            return (array.__array_interface__["data"][0] - bounds(array)[0]) // array.itemsize

        words = manifest.pack_words(arguments, position)
        buffers = [self.buffer(8 * len(words))]
        buffers[0][2][: 8 * len(words)] = np.array(
            [w & (2**64 - 1) for w in words], np.uint64
        ).view(np.uint8)
        for array in tensors:
            low, high = bounds(array)
            buffers.append(self.buffer(high - low))
            C.memmove(buffers[-1][2].ctypes.data, low, high - low)
        workspace = self.buffer(manifest.evaluate(plan["workspace"], words))
        bound = buffers + [workspace] * WORKSPACE_TYPES
        self.run(binary, plan, words, bound)
        for array, (_, _, view) in zip(tensors, buffers[1:], strict=True):
            low, high = bounds(array)
            if array.flags.writeable:
                C.memmove(low, view.ctypes.data, high - low)
        for made, memory, _ in [*buffers, workspace]:
            self.call("DestroyBuffer", self.device, made, None, check=False)
            self.call("FreeMemory", self.device, memory, None, check=False)

    def run(self, binary, plan, words, bound):
        code = (C.c_char * len(binary)).from_buffer_copy(binary)
        module = self.make(
            "CreateShaderModule", ShaderInfo(bytes=len(binary), code=C.addressof(code))
        )
        bindings = (LayoutBinding * len(bound))(
            *[LayoutBinding(i, self.STORAGE_BUFFER, 1, self.COMPUTE) for i in range(len(bound))]
        )
        sets = self.make(
            "CreateDescriptorSetLayout",
            SetLayoutInfo(count=len(bound), bindings=C.addressof(bindings)),
        )
        layout = self.make(
            "CreatePipelineLayout", PipelineLayoutInfo(nSets=1, sets=C.addressof(sets))
        )
        size = PoolSize(self.STORAGE_BUFFER, len(bound))
        pool = self.make("CreateDescriptorPool", PoolInfo(sets=1, n=1, sizes=C.addressof(size)))
        chosen = U64()
        self.call(
            "AllocateDescriptorSets",
            self.device,
            C.byref(SetInfo(pool=pool.value, count=1, layouts=C.addressof(sets))),
            C.byref(chosen),
        )
        for i, (made, _, _) in enumerate(bound):
            place = BufferRange(made.value, 0, 2**64 - 1)
            write = Write(
                set=chosen.value,
                binding=i,
                count=1,
                type=self.STORAGE_BUFFER,
                buffer=C.addressof(place),
            )
            self.call(
                "UpdateDescriptorSets",
                self.device,
                U32(1),
                C.byref(write),
                U32(0),
                None,
                check=False,
            )
        command = P()
        self.call(
            "AllocateCommandBuffers",
            self.device,
            C.byref(CommandInfo(pool=self.commands.value, count=1)),
            C.byref(command),
        )
        self.call("BeginCommandBuffer", command, C.byref(BeginInfo()))
        pipelines = []
        for kernel in plan["kernels"]:
            stage = Stage(18, None, 0, self.COMPUTE, module.value, kernel["name"].encode(), None)
            pipeline = U64()
            self.call(
                "CreateComputePipelines",
                self.device,
                U64(0),
                U32(1),
                C.byref(PipelineInfo(stage=stage, layout=layout.value, index=-1)),
                None,
                C.byref(pipeline),
            )
            pipelines.append(pipeline)
            blocks = min(max(manifest.evaluate(kernel["grid"], words), 1), 65535)
            self.call("CmdBindPipeline", command, U32(1), pipeline, check=False)
            self.call(
                "CmdBindDescriptorSets",
                command,
                U32(1),
                layout,
                U32(0),
                U32(1),
                C.byref(chosen),
                U32(0),
                None,
                check=False,
            )
            self.call("CmdDispatch", command, U32(blocks), U32(1), U32(1), check=False)
            # One kernel's writes are seen by the next, and at the end by the host.
            barrier = Barrier(source=0x40, target=0x20 | 0x40 | 0x2000)
            self.call(
                "CmdPipelineBarrier",
                command,
                U32(0x800),
                U32(0x800 | 0x4000),
                U32(0),
                U32(1),
                C.byref(barrier),
                U32(0),
                None,
                U32(0),
                None,
                check=False,
            )
        self.call("EndCommandBuffer", command)
        submit = SubmitInfo(count=1, commands=C.addressof(command))
        self.call("QueueSubmit", self.queue, U32(1), C.byref(submit), U64(0))
        self.call("QueueWaitIdle", self.queue)
        for pipeline in pipelines:
            self.call("DestroyPipeline", self.device, pipeline, None, check=False)
        for name, handle in [
            ("DescriptorPool", pool),
            ("PipelineLayout", layout),
            ("DescriptorSetLayout", sets),
            ("ShaderModule", module),
        ]:
            self.call("Destroy" + name, self.device, handle, None, check=False)


def bounds(array):
    """The first byte of an array and the one after its last; strides may be negative."""
    return np.lib.array_utils.byte_bounds(array) if array.size else (array.ctypes.data,) * 2


@functools.cache
def device():
    return Vulkan()
