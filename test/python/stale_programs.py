# Part of Stepwell, under the Apache License v2.0 with LLVM Exceptions.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""Programs for test_stale.py: what is defined, and what then changes."""

CLASS = """
class Net:
    factor = 2.0
    def __init__(self):
        self.scale = 3.0
        self.names = ["a"]
    def forward(self, x):
        return x * {0}
net = Net()
f = net.forward
"""
TABLE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 2)
        self.gate = Gate()
    def forward(self, x):
        return self.gate(self.inner(x))
class Gate(nn.Module):
    def __init__(self):
        super().__init__()
        self.on = True
        self.power = 2.0
    def forward(self, x):
        return x * self.power if self.on else x
net = Net()
f = {0}
"""
CONFIG = """
@dataclasses.dataclass
class Config:
    scale: float = 2.0
    name: str = "a"
config = Config()
{0}
"""

# Name: what is defined, what changes.
PROGRAMS = {
    # Callables.
    "global callable": ("act = sw.sin\ndef f(x): return act(x)", "act = sw.cos"),
    "helper redefined": (
        "def g(x): return x + 1.0\ndef f(x): return g(x)",
        "def g(x): return x + 2.0",
    ),
    "helper's helper": (
        "def h(x): return x + 1.0\ndef g(x): return h(x)\ndef f(x): return g(x)",
        "def h(x): return x + 2.0",
    ),
    "helper's code": (
        "def g(x): return x + 1.0\ndef f(x): return g(x)",
        "g.__code__ = (lambda x: x + 2.0).__code__",
    ),
    "own code": (
        "def f(x): return x + 1.0",
        "f.__code__ = (lambda x: x + 2.0).__code__",
    ),
    "callable in a dict": (
        "acts = {'a': sw.sin}\ndef f(x): return acts['a'](x)",
        "acts['a'] = sw.cos",
    ),
    "callable in a list": ("acts = [sw.sin]\ndef f(x): return acts[0](x)", "acts[0] = sw.cos"),
    "callable attribute": (
        "class C: pass\nc = C()\nc.act = sw.sin\ndef f(x): return c.act(x)",
        "c.act = sw.cos",
    ),
    "closed-over callable": (
        "def make():\n  act = sw.sin\n  def f(x): return act(x)\n"
        "  def change():\n    nonlocal act\n    act = sw.cos\n  return f, change\nf, change = make()",
        "change()",
    ),
    "callable in a tuple": ("acts = (sw.sin,)\ndef f(x): return acts[0](x)", "acts = (sw.cos,)"),
    "lambda in a list": (
        "acts = [lambda x: x + 1.0]\ndef f(x): return acts[0](x)",
        "acts[0] = lambda x: x + 2.0",
    ),
    "__call__ object": (
        "class C:\n  def __call__(self, x): return x * self.s\nc = C(); c.s = 1.0\n"
        "def f(x): return c(x)",
        "c.s = 2.0",
    ),
    "__call__ replaced": (
        "class C:\n  def __call__(self, x): return x\nc = C()\ndef f(x): return c(x)",
        "C.__call__ = lambda self, x: x + 1.0",
    ),
    "built-in shadowed": (
        "def f(x): return x * float(len([1, 2]))",
        "def len(x): return 5",
    ),
    "function attribute": (
        "def g(x): return x * g.scale\ng.scale = 2.0\ndef f(x): return g(x)",
        "g.scale = 3.0",
    ),
    "wrapped helper": (
        "k = 1.0\ndef deco(g):\n  @functools.wraps(g)\n  def w(x): return g(x) * k\n  return w\n"
        "@deco\ndef g(x): return x + 1.0\ndef f(x): return g(x)",
        "k = 2.0",
    ),
    "library decorator": (
        "k = 1.0\n@sw.no_grad()\ndef g(x): return x * k\ndef f(x): return g(x)",
        "k = 2.0",
    ),
    "context manager": (
        "k = 1.0\n@contextlib.contextmanager\ndef scaled():\n  yield k\n"
        "def f(x):\n  with scaled() as s: return x * s",
        "k = 2.0",
    ),
    "single dispatch": (
        "@functools.singledispatch\ndef g(v, x): return x\n"
        "@g.register\ndef _(v: int, x): return x * 2.0\ndef f(x): return g(1, x)",
        "@g.register\ndef _(v: int, x): return x * 3.0",
    ),
    "map and filter": (
        "k = [1.0, 2.0]\ndef f(x): return x * sum(map(lambda v: v * k[1], k))",
        "k[1] = 5.0",
    ),
    "nested function's global": (
        "k = 1.0\ndef f(x):\n  def g(): return x * k\n  return g()",
        "k = 2.0",
    ),
    "comprehension": ("k = [1.0]\ndef f(x): return sum([x * v for v in k])", "k.append(2.0)"),
    # Defaults, partials, bound methods.
    "__defaults__": (
        "def g(x, s=2.0): return x * s\ndef f(x): return g(x)",
        "g.__defaults__ = (3.0,)",
    ),
    "own __defaults__": ("def f(x, s=2.0): return x * s", "f.__defaults__ = (3.0,)"),
    "__kwdefaults__": (
        "def g(x, *, s=2.0): return x * s\ndef f(x): return g(x)",
        "g.__kwdefaults__ = {'s': 3.0}",
    ),
    "__kwdefaults__ item": (
        "def g(x, *, s=2.0): return x * s\ndef f(x): return g(x)",
        "g.__kwdefaults__['s'] = 3.0",
    ),
    "mutable default": (
        "def f(x, s=[2.0]): return x * s[0]",
        "f.__defaults__[0][0] = 3.0",
    ),
    "partial's dict": (
        "d = {'s': 2.0}\ndef g(d, x): return x * d['s']\nf = functools.partial(g, d)",
        "d['s'] = 3.0",
    ),
    "partial rebound": (
        "def g(s, x): return x * s\np = functools.partial(g, 2.0)\ndef f(x): return p(x)",
        "p = functools.partial(g, 3.0)",
    ),
    "partial's state": (
        "def g(s, x): return x * s\np = functools.partial(g, 2.0)\ndef f(x): return p(x)",
        "p.__setstate__((g, (3.0,), {}, {}))",
    ),
    "bound method's object": (
        "class C:\n  def g(self, x): return x * self.s\nc = C(); c.s = 2.0\ng = c.g\n"
        "def f(x): return g(x)",
        "c.s = 3.0",
    ),
    # Attributes.
    "attribute": (CLASS.format("self.scale"), "net.scale = 4.0"),
    "attribute, 1 for True": (CLASS.format("self.scale") + "net.scale = True", "net.scale = 2"),
    "class attribute": (CLASS.format("self.factor"), "Net.factor = 4.0"),
    "class attribute through the class": (CLASS.format("Net.factor"), "Net.factor = 4.0"),
    "class attribute through type()": (CLASS.format("type(self).factor"), "Net.factor = 4.0"),
    "class attribute through __class__": (CLASS.format("self.__class__.factor"), "Net.factor = 4.0"),
    "instance shadows class": (CLASS.format("self.factor"), "net.factor = 4.0"),
    "attribute deleted": (
        "class C:\n  s = 2.0\nc = C(); c.s = 3.0\ndef f(x): return x * c.s",
        "del c.s",
    ),
    "base class attribute": (
        "class A: s = 2.0\nclass B(A): pass\nb = B()\ndef f(x): return x * b.s",
        "A.s = 3.0",
    ),
    "subclass overrides later": (
        "class A: s = 2.0\nclass B(A): pass\nb = B()\ndef f(x): return x * b.s",
        "B.s = 3.0",
    ),
    "base classes": (
        "class A: s = 2.0\nclass A2: s = 3.0\nclass B(A): pass\nb = B()\ndef f(x): return x * b.s",
        "B.__bases__ = (A2,)",
    ),
    "metaclass attribute": (
        "class M(type): s = 2.0\nclass C(metaclass=M): pass\ndef f(x): return x * C.s",
        "M.s = 3.0",
    ),
    "class replaced": (
        "class A: pass\nclass B: pass\na = A()\n"
        "def f(x): return x * 2.0 if isinstance(a, A) else x",
        "A = B",
    ),
    "object's class": (
        "class A: s = 2.0\nclass B: s = 3.0\na = A()\ndef f(x): return x * a.s",
        "a.__class__ = B",
    ),
    "method replaced": (
        "class C:\n  def g(self, x): return x\nc = C()\ndef f(x): return c.g(x)",
        "C.g = lambda self, x: x + 1.0",
    ),
    "method on the object": (
        "class C:\n  def g(self, x): return x\nc = C()\ndef f(x): return c.g(x)",
        "c.g = lambda x: x + 1.0",
    ),
    "static and class methods": (
        "class C:\n  k = 1.0\n  @staticmethod\n  def a(x): return x * C.k\n"
        "  @classmethod\n  def b(cls, x): return x * cls.k\n"
        "c = C()\ndef f(x): return c.a(x) + C.b(x)",
        "C.k = 2.0",
    ),
    "property": (
        "class C:\n  @property\n  def s(self): return self._s\nc = C(); c._s = 2.0\n"
        "def f(x): return x * c.s",
        "c._s = 3.0",
    ),
    "cached property": (
        "class C:\n  @functools.cached_property\n  def s(self): return 2.0\nc = C()\n"
        "def f(x): return x * c.s",
        "c.s = 3.0",
    ),
    "descriptor": (
        "class D:\n  def __get__(self, o, t): return self.v\nclass C: d = D()\n"
        "C.__dict__['d'].v = 2.0\nc = C()\ndef f(x): return x * c.d",
        "C.__dict__['d'].v = 3.0",
    ),
    "__getattr__": (
        "class C:\n  def __init__(self): self.v = {'s': 2.0}\n"
        "  def __getattr__(self, n): return self.v[n]\nc = C()\ndef f(x): return x * c.s",
        "c.v['s'] = 3.0",
    ),
    "__slots__": (
        "class C: __slots__ = ('s',)\nc = C(); c.s = 2.0\ndef f(x): return x * c.s",
        "c.s = 3.0",
    ),
    "nested configuration": (
        "class C: pass\nc = C(); c.cfg = C(); c.cfg.scale = 2.0\n"
        "def f(x): return x * c.cfg.scale",
        "c.cfg.scale = 3.0",
    ),
    "__dict__ replaced": (
        "class C: pass\nc = C(); c.s = 2.0\ndef f(x): return x * c.s",
        "c.__dict__ = {'s': 3.0}",
    ),
    "getattr with a computed name": (
        "class C: pass\nc = C(); c.sa = 2.0\ndef f(x): return x * getattr(c, 's' + chr(97))",
        "c.sa = 3.0",
    ),
    "hasattr": (
        "class C: pass\nc = C()\ndef f(x): return x * 2.0 if hasattr(c, 'flag') else x",
        "c.flag = 1",
    ),
    "vars": (
        "class C: pass\nc = C(); c.a = 1.0\ndef f(x): return x * sum(vars(c).values())",
        "c.b = 2.0",
    ),
    "attrgetter": (
        "class C: pass\nc = C(); c.s = 2.0\nget = operator.attrgetter('s')\n"
        "def f(x): return x * get(c)",
        "c.s = 3.0",
    ),
    "itemgetter": (
        "d = {'s': 2.0}\nget = operator.itemgetter('s')\ndef f(x): return x * get(d)",
        "d['s'] = 3.0",
    ),
    "formatted name": (
        "class C: pass\nc = C(); c.s = 2.0\ndef f(x): return x * float('{0.s}'.format(c))",
        "c.s = 3.0",
    ),
    "simple namespace": (
        "n = types.SimpleNamespace(a=types.SimpleNamespace(s=2.0))\ndef f(x): return x * n.a.s",
        "n.a.s = 3.0",
    ),
    "class pattern": (
        "class P:\n  __match_args__ = ('q',)\n  def __init__(self, q): self.q = q\np = P(2.0)\n"
        "def f(x):\n  match p:\n    case P(v): return x * v",
        "p.q = 3.0",
    ),
    # Modules of the user's.
    "module attribute": ("mod.scale = 2.0\ndef f(x): return x * mod.scale", "mod.scale = 3.0"),
    "module's function": (
        "mod.act = sw.sin\ndef f(x): return mod.act(x)",
        "mod.act = sw.cos",
    ),
    "global of a helper elsewhere": (
        "exec('k = 2.0\\ndef g(x): return x * k', vars(mod))\ng = mod.g\ndef f(x): return g(x)",
        "mod.k = 3.0",
    ),
    "imported inside": (
        "mod.scale = 2.0\ndef f(x):\n  import stale_mod\n  return x * stale_mod.scale",
        "mod.scale = 3.0",
    ),
    "imported name inside": (
        "mod.scale = 2.0\ndef f(x):\n  from stale_mod import scale\n  return x * scale",
        "mod.scale = 3.0",
    ),
    "module in sys.modules": (
        "mod.scale = 2.0\ndef f(x): return x * sys.modules['stale_mod'].scale",
        "mod.scale = 3.0",
    ),
    "library function replaced": (
        "def f(x): return x * math.floor(2.5)",
        "MP.setattr(math, 'floor', lambda v: 7)",
    ),
    "layer's forward replaced": (
        "net = nn.Linear(2, 2)\ndef f(x): return net(x)",
        "MP.setattr(nn.Linear, 'forward', lambda self, x: x)",
    ),
    # Names.
    "global through globals()": (
        "k = 2.0\ndef f(x): return x * globals()['k']",
        "k = 3.0",
    ),
    "global keyword": (
        "k = 2.0\ndef f(x): return x * k\ndef change():\n  global k\n  k = 3.0",
        "change()",
    ),
    "nonlocal cell": (
        "def make():\n  k = 2.0\n  def f(x): return x * k\n"
        "  def change():\n    nonlocal k\n    k = 3.0\n  return f, change\nf, change = make()",
        "change()",
    ),
    "name that appears": (
        "def f(x):\n  try: return x * late\n  except NameError: return x",
        "late = 2.0",
    ),
    "eval": ("k = 2.0\ndef f(x): return x * eval('k')", "k = 3.0"),
    "-0.0 for 0.0": ("k = 0.0\ndef f(x): return x / k", "k = -0.0"),
    "1 for True": ("k = True\ndef f(x): return x * (2.0 if k is True else 3.0)", "k = 1"),
    "1.0 for 1": ("k = 1\ndef f(x): return sw.full((2,), k).to(sw.float64) / 2 if "
                  "isinstance(k, int) else x", "k = 1.0"),
    "nan for number": ("k = 1.0\ndef f(x): return x * k", "k = float('nan')"),
    "-0j for 0j": (
        "k = 0j\ndef f(x): return x * math.copysign(1.0, k.imag)",
        "k = complex(0.0, -0.0)",
    ),
    "text": ("mode = 'a'\ndef f(x): return x * 2.0 if mode == 'a' else x", "mode = 'b'"),
    "dtype": ("dt = sw.float32\ndef f(x): return x.to(dt)", "dt = sw.float64"),
    "numpy scalar": ("k = np.float32(2)\ndef f(x): return x * float(k)", "k = np.float32(3)"),
    "numpy array item": ("a = np.ones(3)\ndef f(x): return x * float(a[0])", "a[0] = 3.0"),
    "large numpy array item": (
        "a = np.ones(100_000)\ndef f(x): return x * float(a[7])",
        "a[7] = 3.0",
    ),
    "numpy view's base": ("b = np.ones(3)\na = b[1:]\ndef f(x): return x * float(a[0])", "b[1] = 3"),
    "numpy array of objects": (
        "a = np.array([2.0, None], object)\ndef f(x): return x * a[0]",
        "a[0] = 3.0",
    ),
    "numpy array's shape": (
        "a = np.ones(4)\ndef f(x): return x * float(a.ndim)",
        "a.shape = (2, 2)",
    ),
    "bytearray": ("b = bytearray(b'a')\ndef f(x): return x * float(b[0])", "b[0] = 1"),
    "array.array": ("b = array.array('d', [2.0])\ndef f(x): return x * b[0]", "b[0] = 3.0"),
    "slice": ("s = slice(0, 1)\ndef f(x): return x[s]", "s = slice(1, 2)"),
    "range": ("r = range(2)\ndef f(x): return x * float(len(r))", "r = range(3)"),
    "enum": (
        "class E(enum.Enum):\n  A = 1\n  B = 2\ne = E.A\n"
        "def f(x): return x * 2.0 if e is E.A else x",
        "e = E.B",
    ),
    "fraction": (
        "k = fractions.Fraction(1, 2)\ndef f(x): return x * float(k)",
        "k = fractions.Fraction(1, 3)",
    ),
    # Containers.
    "item appended": ("k = [1.0]\ndef f(x): return x * float(len(k))", "k.append(2.0)"),
    "item replaced": ("k = [1.0]\ndef f(x): return x * k[0]", "k[0] = 2.0"),
    "list reversed": ("k = [1.0, 2.0]\ndef f(x): return x * k[0]", "k.reverse()"),
    "list rebound": ("k = [1.0]\ndef f(x): return x * k[0]", "k = [2.0]"),
    "tuple rebound": ("k = (1.0, (2.0,))\ndef f(x): return x * k[1][0]", "k = (1.0, (3.0,))"),
    "list in a tuple": ("k = ([1.0],)\ndef f(x): return x * k[0][0]", "k[0][0] = 3.0"),
    "key added": ("k = {'a': 1.0}\ndef f(x): return x * float(len(k))", "k['b'] = 1.0"),
    "key that appears": ("k = {'a': 1.0}\ndef f(x): return x * k.get('b', 1.0)", "k['b'] = 2.0"),
    "key with a text key": ("k = {'a': 1.0}\nn = 'a'\ndef f(x): return x * k[n]", "k['a'] = 2.0"),
    "order of keys": (
        "k = {'a': 1.0, 'b': 2.0}\ndef f(x): return x * next(iter(k.values()))",
        "k['a'] = k.pop('a')",
    ),
    "type of a key": (
        "k = {1: 1.0}\ndef f(x): return x * (2.0 if next(iter(k)) is True else 3.0)",
        "del k[1]; k[True] = 1.0",
    ),
    "nested dictionary": ("k = {'a': {'b': 1.0}}\ndef f(x): return x * k['a']['b']",
                          "k['a']['b'] = 2.0"),
    "dictionary of another's keys": (
        "k = {'a': 1.0, 'b': 5.0}\nn = ['a']\ndef f(x): return x * k[n[0]]",
        "n[0] = 'b'",
    ),
    "defaultdict": (
        "k = collections.defaultdict(lambda: 1.0)\nk['a'] = 2.0\ndef f(x): return x * k['a']",
        "k['a'] = 3.0",
    ),
    "ordered dictionary": (
        "k = collections.OrderedDict(a=1.0, b=2.0)\ndef f(x): return x * next(iter(k.values()))",
        "k.move_to_end('a')",
    ),
    "chain map": (
        "a = {'s': 2.0}\nk = collections.ChainMap({}, a)\ndef f(x): return x * k['s']",
        "a['s'] = 3.0",
    ),
    "user dict": (
        "k = collections.UserDict(s=2.0)\ndef f(x): return x * k['s']",
        "k['s'] = 3.0",
    ),
    "mapping proxy": (
        "a = {'s': 2.0}\nk = types.MappingProxyType(a)\ndef f(x): return x * k['s']",
        "a['s'] = 3.0",
    ),
    "dict view": ("a = {'s': 2.0}\nv = a.values()\ndef f(x): return x * sum(v)", "a['s'] = 3.0"),
    "counter": (
        "k = collections.Counter('aab')\ndef f(x): return x * float(k['a'])",
        "k.update('a')",
    ),
    "dict subclass": (
        "class D(dict):\n  def __getattr__(self, n): return self[n]\nd = D(s=2.0)\n"
        "def f(x): return x * d.s",
        "d['s'] = 3.0",
    ),
    "list subclass": (
        "class L(list): pass\nk = L([1.0])\nk.s = 1.0\ndef f(x): return x * k[0] * k.s",
        "k.s = 2.0",
    ),
    "named tuple": (
        "P = collections.namedtuple('P', 'a b')\np = P(1.0, [2.0])\ndef f(x): return x * p.b[0]",
        "p.b[0] = 3.0",
    ),
    "deque": ("k = collections.deque([1.0])\ndef f(x): return x * k[0]", "k.appendleft(2.0)"),
    "set": ("k = {1}\ndef f(x): return x * 2.0 if 2 in k else x", "k.add(2)"),
    "set of the same size": (
        "k = {1}\ndef f(x): return x * 2.0 if 2 in k else x",
        "k.remove(1); k.add(2)",
    ),
    "frozenset": (
        "k = frozenset([1])\ndef f(x): return x * 2.0 if 2 in k else x",
        "k = frozenset([2])",
    ),
    "object in a set": (
        "class C: pass\nc = C(); c.s = 2.0\nk = {c}\ndef f(x): return x * next(iter(k)).s",
        "c.s = 3.0",
    ),
    "iterator": ("k = [1.0, 2.0]\nit = iter(k)\ndef f(x): return x * it.__length_hint__()", "next(it)"),
    "weak reference": (
        "class C: pass\nc = C(); c.s = 2.0\nr = weakref.ref(c)\ndef f(x): return x * r().s",
        "c.s = 3.0",
    ),
    "weak dictionary": (
        "class C: pass\nc = C()\nk = weakref.WeakKeyDictionary({c: 2.0})\n"
        "def f(x): return x * k[c]",
        "k[c] = 3.0",
    ),
    "thread's local": (
        "k = threading.local(); k.s = 2.0\ndef f(x): return x * k.s",
        "k.s = 3.0",
    ),
    "context variable": (
        "k = contextvars.ContextVar('k'); k.set(2.0)\ndef f(x): return x * k.get()",
        "k.set(3.0)",
    ),
    "environment": (
        "MP.setenv('STALE_K', '2')\ndef f(x): return x * float(os.environ['STALE_K'])",
        "MP.setenv('STALE_K', '3')",
    ),
    "getenv by its own name": (
        "from os import getenv\nMP.setenv('STALE_K', '2')\ndef f(x): return x * float(getenv('STALE_K'))",
        "MP.setenv('STALE_K', '3')",
    ),
    "getenv": (
        "MP.setenv('STALE_K', '2')\ndef f(x): return x * float(os.getenv('STALE_K'))",
        "MP.setenv('STALE_K', '3')",
    ),
    # Classes that are made for data.
    "dataclass": (CONFIG.format("def f(x): return x * config.scale"), "config.scale = 3.0"),
    "dataclasses.replace": (
        CONFIG.format("def f(x): return x * dataclasses.replace(config, name='b').scale"),
        "config.scale = 3.0",
    ),
    "dataclasses.asdict": (
        CONFIG.format("def f(x): return x * dataclasses.asdict(config)['scale']"),
        "config.scale = 3.0",
    ),
    "dataclass equality": (
        CONFIG.format("other = Config()\ndef f(x): return x * 2.0 if config == other else x"),
        "config.name = 'b'",
    ),
    "dataclass text": (
        CONFIG.format("def f(x): return x * float(len(repr(config)))"),
        "config.name = 'bb'",
    ),
    "class made inside": (
        "class C:\n  k = 2.0\n  def __init__(self): self.s = C.k\ndef f(x): return x * C().s",
        "C.k = 3.0",
    ),
    "operator of a class": (
        "class C:\n  def __init__(self): self.s = 2.0\n  def __mul__(self, x): return x * self.s\n"
        "c = C()\ndef f(x): return c * x",
        "c.s = 3.0",
    ),
    "iteration of a class": (
        "class C:\n  def __init__(self): self.v = [1.0]\n  def __iter__(self): return iter(self.v)\n"
        "c = C()\ndef f(x): return x * sum(c)",
        "c.v[0] = 3.0",
    ),
    "truth of a class": (
        "class C:\n  def __init__(self): self.v = 1\n  def __bool__(self): return self.v == 1\n"
        "c = C()\ndef f(x): return x * 2.0 if c else x",
        "c.v = 2",
    ),
    "abstract class registers": (
        "class A(abc.ABC): pass\nclass B: pass\nb = B()\n"
        "def f(x): return x * 2.0 if isinstance(b, A) else x",
        "A.register(B)",
    ),
    # Arguments.
    "argument's attribute": (
        "class C: pass\nc = C(); c.s = 2.0\nargs = (x, c)\ndef f(x, c): return x * c.s",
        "c.s = 3.0",
    ),
    "argument's nested attribute": (
        "class C: pass\nc = C(); c.d = {'a': [2.0]}\nargs = (x, c)\n"
        "def f(x, c): return x * c.d['a'][0]",
        "c.d['a'][0] = 3.0",
    ),
    "argument's class attribute": (
        "class C: s = 2.0\nc = C()\nargs = (x, c)\ndef f(x, c): return x * c.s",
        "C.s = 3.0",
    ),
    "argument is a class": (
        "class C: s = 2.0\nargs = (x, C)\ndef f(x, c): return x * c.s",
        "C.s = 3.0",
    ),
    "argument is a function": (
        "k = 2.0\ndef g(x): return x * k\nargs = (x, g)\ndef f(x, g): return g(x)",
        "k = 3.0",
    ),
    "argument is a module": (
        "net = nn.Linear(2, 2)\nargs = (x, net)\ndef f(x, net): return net(x)",
        "net.weight = nn.Parameter(sw.ones(2, 2))",
    ),
    "argument is a set": (
        "k = {1}\nargs = (x, k)\ndef f(x, k): return x * 2.0 if 2 in k else x",
        "k.add(2)",
    ),
    "argument is a slice": ("args = (x, slice(0, 1))\ndef f(x, s): return x[s]",
                            "args = (x, slice(1, 2))"),
    "argument is an array": (
        "a = np.ones(3)\nargs = (x, a)\ndef f(x, a): return x * float(a[0])",
        "a[0] = 3.0",
    ),
    "argument is a dataclass": (
        CONFIG.format("args = (x, config)\ndef f(x, c): return x * c.scale"),
        "config.scale = 3.0",
    ),
    "argument is an enum": (
        "class E(enum.Enum):\n  A = 1\n  B = 2\nargs = (x, E.A)\n"
        "def f(x, e): return x * 2.0 if e is E.A else x",
        "args = (x, E.B)",
    ),
    "argument is a numpy scalar": (
        "args = (x, np.float64(2))\ndef f(x, s): return x * float(s)",
        "args = (x, np.float64(3))",
    ),
    "argument is -0.0": ("args = (x, 0.0)\ndef f(x, s): return x * (1.0 / float('-inf') if "
                         "str(s) == '-0.0' else 1.0)", "args = (x, -0.0)"),
    "argument is True": ("args = (x, 1)\ndef f(x, s): return x * (2.0 if s is True else 3.0)",
                         "args = (x, True)"),
    "argument's key is True": (
        "args = (x, {1: 0})\ndef f(x, s): return x * (2.0 if next(iter(s)) is True else 3.0)",
        "args = (x, {True: 0})",
    ),
    "argument is complex -0": (
        "args = (x, 0j)\ndef f(x, s): return x * math.copysign(1.0, s.imag)",
        "args = (x, complex(0.0, -0.0))",
    ),
    "argument is a deque": (
        "k = collections.deque([2.0])\nargs = (x, k)\ndef f(x, k): return x * k[0]",
        "k[0] = 3.0",
    ),
    "argument's list of objects": (
        "class C: pass\nc = C(); c.s = 2.0\nargs = (x, [c])\ndef f(x, c): return x * c[0].s",
        "c.s = 3.0",
    ),
    "tensor's own attribute": (
        "x.tag = 2.0\ndef f(x): return x * x.tag",
        "x.tag = 3.0",
    ),
    "closed-over tensor's attribute": (
        "w = sw.ones(2)\nw.tag = 2.0\ndef f(x): return x * w * w.tag",
        "w.tag = 3.0",
    ),
    "tensor's class": (
        "args = (sw.ones(2, requires_grad=True),)\n"
        "def f(x): return x * 2.0 if isinstance(x, nn.Parameter) else x",
        "args = (nn.Parameter(sw.ones(2)),)",
    ),
    # Modules.
    "flag of a module without parameters": (TABLE.format("net"), "net.gate.on = False"),
    "number of a module": (TABLE.format("net.forward"), "net.gate.power = 3.0"),
    "module's mode": (
        "net = nn.Sequential(nn.Linear(2, 2), nn.Dropout(1.0))\nnet.eval()\nf = net",
        "net.train()",
    ),
    "module's option": ("net = nn.Sequential(nn.GELU())\nf = net", "net[0].approximate = 'tanh'"),
    "module's parameter": (TABLE.format("net"), "net.inner.weight = nn.Parameter(sw.ones(2, 2))"),
    "module's child": (TABLE.format("net"), "net.gate = nn.Tanh()"),
    "module's hook": (
        TABLE.format("net"),
        "net.gate.register_forward_hook(lambda m, a, out: out + 1.0)",
    ),
    "module appended": (
        "net = nn.Sequential(nn.Tanh())\nf = net",
        "net.append(nn.Sigmoid())",
    ),
    "module's parameter is None": (
        "net = nn.Linear(2, 2)\nf = net",
        "net.bias = None",
    ),
    "module in a list": (
        "nets = [nn.Tanh()]\ndef f(x):\n  for n in nets: x = n(x)\n  return x",
        "nets.append(nn.Sigmoid())",
    ),
    "class of a namespace without a name": (
        "n = {}\nexec('class C: s = 2.0', n)\nc = n['C']()\ndef f(x): return x * c.s",
        "n['C'].s = 3.0",
    ),
    "key of a key by vars": (
        "class C: pass\nc = C(); c.d = {'a': 2.0}\ndef f(x): return x * vars(c)['d']['a']",
        "c.d['a'] = 3.0",
    ),
    "super": (
        "class A:\n  def g(self): return self.k\n"
        "class B(A):\n  def g(self): return super().g()\nb = B(); b.k = 2.0\n"
        "def f(x): return x * b.g()",
        "A.g = lambda self: 3.0",
    ),
    "__index__": (
        "class C:\n  def __index__(self): return self.n\nc = C(); c.n = 0\n"
        "def f(x): return x[operator.index(c)]",
        "c.n = 1",
    ),
    "__instancecheck__": (
        "class M(type):\n  def __instancecheck__(cls, o): return cls.ok\n"
        "class C(metaclass=M): ok = True\ndef f(x): return x * 2.0 if isinstance(1, C) else x",
        "C.ok = False",
    ),
    "keyword-only closure": (
        "def make(k):\n  def g(x, *, s=k): return x * s['v']\n  return g\nk = {'v': 2.0}\n"
        "g = make(k)\ndef f(x): return g(x)",
        "k['v'] = 3.0",
    ),
    "sys.argv": (
        "MP.setattr(sys, 'argv', ['2'])\ndef f(x): return x * float(sys.argv[0])",
        "sys.argv[0] = '3'",
    ),
    "callable in an enum": (
        "class E(enum.Enum):\n  A = 'a'\n  def g(self): return k\nk = 2.0\n"
        "def f(x): return x * E.A.g()",
        "k = 3.0",
    ),
    "generated by a factory of classes": (
        "def make(v):\n  class C:\n    def g(self): return v['s']\n  return C()\n"
        "v = {'s': 2.0}\nc = make(v)\ndef f(x): return x * c.g()",
        "v['s'] = 3.0",
    ),
    "star arguments": (
        "a = [2.0]\ndef g(x, s): return x * s\ndef f(x): return g(x, *a)",
        "a[0] = 3.0",
    ),
    "double star": (
        "a = {'s': 2.0}\ndef g(x, s): return x * s\ndef f(x): return g(x, **a)",
        "a['s'] = 3.0",
    ),
    "callback table": (
        "class R:\n  table = {}\n  @classmethod\n  def add(cls, g): cls.table[g.__name__] = g\n"
        "@R.add\ndef g(x): return x\ndef f(x): return R.table['g'](x)",
        "@R.add\ndef g(x): return x * 2.0",
    ),
    "bytes": ("k = b'a'\ndef f(x): return x * float(k[0])", "k = b'b'"),
    "ctypes": (
        "import ctypes\nk = ctypes.c_double(2.0)\ndef f(x): return x * k.value",
        "k.value = 3.0",
    ),
    "reduce": (
        "k = [1.0, 2.0]\ndef f(x): return functools.reduce(operator.mul, k, x)",
        "k.append(2.0)",
    ),
    "sorted by a key": (
        "class C:\n  def __init__(self, p): self.p = p\na, b = C(1), C(2)\n"
        "def f(x): return x * float(sorted([a, b], key=lambda c: c.p)[0] is a)",
        "a.p = 3",
    ),
    "compared objects": (
        "class C:\n  def __init__(self, p): self.p = p\n  def __lt__(self, o): return self.p < o.p\n"
        "a, b = C(1), C(2)\ndef f(x): return x * 2.0 if a < b else x",
        "a.p = 3",
    ),
    "hashed objects": (
        "class C:\n  def __init__(self, p): self.p = p\n  def __hash__(self): return self.p\n"
        "  def __eq__(self, o): return self.p == o.p\na, b = C(1), C(1)\nd = {a: 2.0}\n"
        "def f(x): return x * d.get(b, 1.0)",
        "b.p = 3",
    ),
    "function's name": (
        "def g(x): return x\ndef f(x): return g(x) * float(len(g.__name__))",
        "g.__name__ = 'longer'",
    ),
    "class's name": (
        "class C: pass\nc = C()\ndef f(x): return x * float(len(type(c).__name__))",
        "C.__name__ = 'Longer'",
    ),
    "annotations": (
        "def g(x: 'a'): return x\ndef f(x): return x * float(len(g.__annotations__['x']))",
        "g.__annotations__['x'] = 'long'",
    ),
    "text in memory": (
        "b = io.StringIO('a')\ndef f(x): return x * float(len(b.getvalue()))",
        "b.seek(0); b.write('long')",
    ),
    "queue": (
        "q = queue.Queue(); q.put(2.0)\ndef f(x): return x * q.queue[0]",
        "q.queue[0] = 3.0",
    ),
    "generator": (
        "def make():\n  for v in (1.0, 2.0, 3.0): yield v\ng = make(); next(g)\n"
        "def f(x): return x * float(g.gi_frame.f_locals['v'])",
        "next(g)",
    ),
    "weak proxy": (
        "class C: pass\nc = C(); c.s = 2.0\np = weakref.proxy(c)\ndef f(x): return x * p.s",
        "c.s = 3.0",
    ),
    "name that appears in builtins": (
        "def f(x):\n  try: return x * stale_late\n  except NameError: return x",
        "import builtins; MP.setattr(builtins, 'stale_late', 2.0, raising=False)",
    ),
    "__class_getitem__": (
        "k = 2.0\nclass C:\n  def __class_getitem__(cls, i): return k * i\n"
        "def f(x): return x * C[1]",
        "k = 3.0",
    ),
    "__init_subclass__": (
        "k = 2.0\nclass C:\n  def __init_subclass__(cls): cls.k = k\n"
        "def f(x):\n  class D(C): pass\n  return x * D.k",
        "k = 3.0",
    ),
    "copied by its own rule": (
        "import copy\nk = 2.0\nclass C:\n  def __reduce__(self): return (float, (k,))\nc = C()\n"
        "def f(x): return x * copy.copy(c)",
        "k = 3.0",
    ),
    "protocol": (
        "import typing\n@typing.runtime_checkable\nclass P(typing.Protocol):\n  late: int\n"
        "class C: pass\nc = C()\ndef f(x): return x * 2.0 if isinstance(c, P) else x",
        "c.late = 1",
    ),
    "partial method": (
        "class C:\n  def g(self, s, x): return x * s[0]\n  h = functools.partialmethod(g, k := [2.0])\n"
        "c = C()\nk = C.k\ndef f(x): return c.h(x)",
        "k[0] = 3.0",
    ),
    "method bound by hand": (
        "class C: pass\nc = C()\nc.g = types.MethodType(lambda self, x: x * self.s, c)\nc.s = 2.0\n"
        "def f(x): return c.g(x)",
        "c.g = types.MethodType(lambda self, x: x * self.s * 2.0, c)",
    ),
    "attribute of an enum's member": (
        "class E(enum.Enum):\n  A = 1\nE.A.s = 2.0\ndef f(x): return x * E.A.s",
        "E.A.s = 3.0",
    ),
    "import_module": (
        "import importlib\nmod.scale = 2.0\n"
        "def f(x): return x * importlib.import_module('stale_mod').scale",
        "mod.scale = 3.0",
    ),
    "inspected default": (
        "import inspect\ndef g(x, s=2.0): return x\n"
        "def f(x): return x * inspect.signature(g).parameters['s'].default",
        "g.__defaults__ = (3.0,)",
    ),
    "context of a context manager": (
        "m = contextlib.nullcontext([2.0])\ndef f(x):\n  with m as k: return x * k[0]",
        "m.enter_result[0] = 3.0",
    ),
    "single dispatch of a method": (
        "class C:\n  @functools.singledispatchmethod\n  def g(self, v, x): return x\n"
        "  @g.register\n  def _(self, v: int, x): return x * k\nk = 2.0\nc = C()\n"
        "def f(x): return c.g(1, x)",
        "k = 3.0",
    ),
    "template": (
        "import string\nt = string.Template('$a')\ndef f(x): return x * float(t.substitute(a=k))\n"
        "k = 2",
        "t.template = '${a}0'",
    ),
    "module's __getattr__": (
        "exec('v = {\"s\": 2.0}\\ndef __getattr__(n): return v[n]', vars(mod))\n"
        "def f(x): return x * mod.s",
        "mod.v['s'] = 3.0",
    ),
    "named tuple replaced": (
        "import typing\nclass P(typing.NamedTuple):\n  s: float = 2.0\np = P()\n"
        "def f(x): return x * p.s",
        "p = p._replace(s=3.0)",
    ),
    "exception's arguments": (
        "e = ValueError(2.0)\ndef f(x): return x * e.args[0]",
        "e.args = (3.0,)",
    ),
    "user's list in a closure of a lambda": (
        "def make(k): return {'a': functools.partial(lambda s, x: x * s() * k[0], lambda: k[1])}\n"
        "k = [1.0, 2.0]\nd = make(k)\ndef f(x): return d['a'](x)",
        "k[1] = 3.0",
    ),
    'getattribute': (
        "class C:\n  def __getattribute__(self, n): return object.__getattribute__(self, '_' + n)\nc = C(); c._s = 2.0\ndef f(x): return x * c.s",
        'c._s = 3.0',
    ),
    'slots inherited': (
        "class A: __slots__ = ('s',)\nclass B(A): __slots__ = ()\nb = B(); b.s = 2.0\ndef f(x): return x * b.s",
        'b.s = 3.0',
    ),
    'deepcopy': (
        'import copy\nclass C: pass\nc = C(); c.s = [2.0]\ndef f(x): return x * copy.deepcopy(c).s[0]',
        'c.s[0] = 3.0',
    ),
    'json': (
        "import json\nd = {'a': {'b': 2.0}}\ndef f(x): return x * json.loads(json.dumps(d))['a']['b']",
        "d['a']['b'] = 3.0",
    ),
    'attrgetter nested': (
        "class C: pass\nc = C(); c.d = C(); c.d.s = 2.0\nget = operator.attrgetter('d.s')\ndef f(x): return x * get(c)",
        'c.d.s = 3.0',
    ),
    'attrgetter inside': (
        "class C: pass\nc = C(); c.s = 2.0\ndef f(x): return x * operator.attrgetter('s')(c)",
        'c.s = 3.0',
    ),
    'arg in dict': (
        "class C: pass\nc = C(); c.s = 2.0\nargs = (x, {'c': [c]})\ndef f(x, d): return x * d['c'][0].s",
        'c.s = 3.0',
    ),
    'np attr': (
        'class C: pass\nc = C(); c.a = np.ones(2)\ndef f(x): return x * float(c.a.sum())',
        'c.a[0] = 3.0',
    ),
    'isinstance tuple': (
        'class A: pass\nclass B: pass\nk = (A,)\nb = B()\ndef f(x): return x * 2.0 if isinstance(b, k) else x',
        'k = (A, B)',
    ),
    'class list': (
        'class C: items = []\ndef f(x): return x * float(len(C.items))',
        'C.items.append(1)',
    ),
    'appended and read elsewhere': (
        'k = []\ndef g(): return len(k)\ndef f(x): return x * float(g())',
        'k.append(1)',
    ),
    'alias of list': (
        'k = []\nj = k\ndef f(x):\n  k.append(0)\n  k.pop()\n  return x * float(len(j))',
        'j.append(1)',
    ),
    'counter via alias': (
        'class C: n = 1\nc = C(); d = c\ndef f(x): return x * float(d.n)',
        'c.n += 1',
    ),
    'vars update': (
        'class C: pass\nc = C(); c.s = 2.0\ndef f(x): return x * c.s',
        "vars(c)['s'] = 3.0",
    ),
    'setdefault': (
        "d = {}\ndef f(x): return x * d.setdefault('a', 2.0)",
        "d['a'] = 3.0",
    ),
    'dict or': (
        "a = {'s': 2.0}\nb = {}\ndef f(x): return x * (a | b)['s']",
        "b['s'] = 3.0",
    ),
    'in': (
        "d = {}\ndef f(x): return x * 2.0 if 'a' in d else x",
        "d['a'] = 1",
    ),
    'unpack': (
        'k = [1.0, 2.0]\ndef f(x):\n  a, *b = k\n  return x * a * len(b)',
        'k.append(2.0)',
    ),
    'del item': (
        'k = [1.0, 2.0]\ndef f(x): return x * float(len(k))',
        'del k[0]',
    ),
    'slice assign': (
        'k = [1.0, 2.0]\ndef f(x): return x * k[-1]',
        'k[:] = [5.0, 6.0]',
    ),
    'default factory': (
        "d = __import__('collections').defaultdict(lambda: 2.0)\ndef f(x): return x * d['z']",
        'd.clear(); d.default_factory = lambda: 3.0',
    ),
    'functools.wraps state': (
        'def deco(n):\n  def w(g):\n    def h(x): return g(x) * n[0]\n    return h\n  return w\nn = [2.0]\n@deco(n)\ndef f(x): return x',
        'n[0] = 3.0',
    ),
    'sub sub module': (
        'net = nn.Sequential(nn.Sequential(nn.Linear(2, 2)))\ndef f(x): return net(x)',
        'net[0][0].bias.requires_grad_(False); net[0][0] = nn.Linear(2, 2)',
    ),
    'frozen nested arg': (
        '@dataclasses.dataclass(frozen=True)\nclass C:\n  a: tuple\nargs = (x, C((1.0, (2.0,))))\ndef f(x, c): return x * c.a[1][0]',
        'args = (x, C((1.0, (3.0,))))',
    ),
    'date': (
        'import datetime\nk = datetime.date(2020, 1, 2)\ndef f(x): return x * float(k.day)',
        'k = datetime.date(2020, 1, 3)',
    ),
    'bool of list': (
        'k = []\ndef f(x): return x * 2.0 if k else x',
        'k.append(1)',
    ),
    'string method': (
        "k = 'a'\ndef f(x): return x * float(k.count('a'))",
        "k = 'aa'",
    ),
    'dict by int key': (
        'd = {0: 2.0}\ndef f(x): return x * d[0]',
        'd[0] = 3.0',
    ),
    'list by index with counter': (
        'k = [2.0, 0]\ndef f(x):\n  k[1] += 1\n  return x * k[0]',
        'k[0] = 3.0',
    ),
    'user subclass of ndarray': (
        'class A(np.ndarray): pass\na = np.ones(2).view(A)\ndef f(x): return x * float(a[0])',
        'a[0] = 3.0',
    ),
    'os.path via environ get': (
        "MP.setenv('STALE_K', '2')\nenv = os.environ\ndef f(x): return x * float(env.get('STALE_K'))",
        "MP.setenv('STALE_K', '3')",
    ),
    'decorated class': (
        'def deco(c):\n  c.k = k\n  return c\nk = [2.0]\n@deco\nclass C: pass\ndef f(x): return x * C().k[0]',
        'k[0] = 3.0',
    ),
    'abstract property': (
        'class B(abc.ABC):\n  @property\n  @abc.abstractmethod\n  def s(self): ...\nclass C(B):\n  @property\n  def s(self): return self.t\nc = C(); c.t = 2.0\ndef f(x): return x * c.s',
        'c.t = 3.0',
    ),
    'flag enum': (
        'class E(enum.Flag):\n  A = 1\n  B = 2\ne = E.A\ndef f(x): return x * 2.0 if E.B in e else x',
        'e = E.A | E.B',
    ),
    # Caches.
    "lru_cache emptied": (
        "k = 2.0\n@functools.lru_cache\ndef s(): return k\ndef f(x): return x * s()",
        "k = 3.0; s.cache_clear()",
    ),
}  # fmt: skip
