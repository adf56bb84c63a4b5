#!/usr/bin/python3
"""peer_torch.py - PyTorch peer for NASNet-style child networks on CPU.

Builds a child network (CIFAR layout: 3x3 stem, N normal cells, reduction,
N normal, reduction, N normal, ReLU, global average pool, linear) from a
genotype, and measures training throughput (forward + softmax cross entropy +
backward + SGD momentum step) and forward-only throughput.

Genotype JSON:
  {"name": "...",
   "normal":    {"blocks": [{"in1":0,"op1":"sep5x5","in2":1,"op2":"sep3x3","combine":"add"}, ...],
                 "concat": [1,2,3,4,5,6]},          # optional; default: states no block consumes
   "reduction": {"blocks": [...]}}
Hidden states: 0 = output of the previous cell (h_i), 1 = output of the cell
before that (h_{i-1}), 2.. = blocks in order.
Ops: identity conv1x1 conv3x3 conv1x3_3x1 conv1x7_7x1 dil3x3 sep3x3 sep5x5
     sep7x7 avg3x3 avg5x5 max3x3 max5x5 max7x7.
Semantics: the released NASNet (tensorflow/models, research/slim/nets/nasnet)
and, for ops that it lacks, AmoebaNet by the same authors (tensorflow/tpu,
models/official/amoeba_net). Separable convs are
(ReLU-depthwise-pointwise-BN) x 2; 3x3, dilated, 1x3-3x1 and 1x7-7x1 convs run
in a bottleneck of F/4 (3F/8 for 1x3-3x1) filters, or in none if that is below
1; a strided identity is ReLU-1x1-BN; a pool that must change channels is
followed by 1x1-BN; average pools do not count padding; concat combines are
followed by ReLU-1x1-BN back to F filters. In a reduction cell, ops that read
state 0 or 1 have stride 2. State 1 of the first cell is the stem's output,
unprojected.

Examples:
  peer_torch.py --cells 2 --filters 16 --batch 64 --threads 1 --format channels_last
  peer_torch.py --genotype random:1 --sizes 1x8,2x16 --batch 32,64 --threads 1,2 --json out.json
  peer_torch.py --procs 2 --threads 1          # two children side by side, pinned
  peer_torch.py --profile                      # torch.profiler table
  peer_torch.py --genotype random:1 --cells 1 --filters 8 --image 8 --batch 4 --vectors out.safetensors
                                               # what `nasnet check` compares with
"""
import argparse, json, os, random, statistics, subprocess, sys, time

OPS = ["identity", "conv1x1", "conv3x3", "conv1x3_3x1", "conv1x7_7x1", "dil3x3",
       "sep3x3", "sep5x5", "sep7x7", "avg3x3", "avg5x5", "max3x3", "max5x5", "max7x7"]

def B(i1, o1, i2, o2, c="add"):
    return {"in1": i1, "op1": o1, "in2": i2, "op2": o2, "combine": c}

NASNET_A = {
    "name": "nasnet-a",
    "normal": {"blocks": [
        B(0, "sep5x5", 1, "sep3x3"), B(1, "sep5x5", 1, "sep3x3"), B(0, "avg3x3", 1, "identity"),
        B(1, "avg3x3", 1, "avg3x3"), B(0, "sep3x3", 0, "identity")],
        "concat": [1, 2, 3, 4, 5, 6]},
    "reduction": {"blocks": [
        B(0, "sep5x5", 1, "sep7x7"), B(0, "max3x3", 1, "sep7x7"), B(0, "avg3x3", 1, "sep5x5"),
        B(3, "identity", 2, "avg3x3"), B(2, "sep3x3", 0, "max3x3")],
        "concat": [3, 4, 5, 6]},
}

def random_genotype(seed, blocks=5):
    r = random.Random(seed)
    def cell():
        return {"blocks": [B(r.randrange(2 + b), r.choice(OPS), r.randrange(2 + b), r.choice(OPS),
                             r.choice(["add", "concat"])) for b in range(blocks)]}
    return {"name": "random-%d" % seed, "normal": cell(), "reduction": cell()}

def load_genotype(spec):
    if spec in ("nasnet-a", "nasnet_a"):
        return NASNET_A
    if spec.startswith("random:"):
        return random_genotype(int(spec.split(":")[1]))
    with open(spec) as f:
        g = json.load(f)
    g.setdefault("name", os.path.basename(spec))
    return g

def check_genotype(g):
    for kind in ("normal", "reduction"):
        n = 2
        for b in g[kind]["blocks"]:
            for k in ("in1", "in2"):
                if not 0 <= b[k] < n:
                    raise SystemExit("%s: block reads state %d of %d" % (kind, b[k], n))
            for k in ("op1", "op2"):
                if b[k] not in OPS:
                    raise SystemExit("%s: unknown op %r" % (kind, b[k]))
            if b["combine"] not in ("add", "concat"):
                raise SystemExit("%s: unknown combine %r" % (kind, b["combine"]))
            n += 1
        for i in g[kind].get("concat", []):
            if not 0 <= i < n:
                raise SystemExit("%s: concat reads state %d of %d" % (kind, i, n))

# ---------------------------------------------------------------- model
def build(genotype, cells, filters, classes=10, image=32, padding="symmetric", stem_mult=3, bn_eps=1e-5, bn_mom=0.1,
          inplace=True):
    """The child network (slim semantics, AmoebaNet's bottlenecks for the non-separable convolutions).

    padding="same" is TensorFlow's SAME (what is exact); "symmetric" pads k//2 on both sides: the same cost without
    explicit pad operations, for timing. Returns an nn.Module whose parameters are named as in `vectors` below.
    """
    import torch
    from torch import nn
    import torch.nn.functional as Fn
    same = padding == "same"

    class Conv(nn.Conv2d):
        def __init__(self, cin, cout, k, stride=1, dil=1, groups=1):
            kh, kw = (k, k) if isinstance(k, int) else k
            st = (stride, stride) if isinstance(stride, int) else stride
            pad = (0, 0) if same else (dil * (kh - 1) // 2, dil * (kw - 1) // 2)
            super().__init__(cin, cout, (kh, kw), st, pad, dil, groups, bias=False)
        def forward(self, x):
            return super().forward(pad_same(x, self.kernel_size, self.stride, self.dilation[0]) if same else x)

    def pad_same(x, k, s, d=1, value=0.0):
        p = []
        for size, kk, ss in ((x.shape[3], k[1], s[1]), (x.shape[2], k[0], s[0])):
            t = max((-(-size // ss) - 1) * ss + d * (kk - 1) + 1 - size, 0)
            p += [t // 2, t - t // 2]
        return Fn.pad(x, p, value=value) if any(p) else x

    def bn(c):
        return nn.BatchNorm2d(c, eps=bn_eps, momentum=bn_mom)

    class Op(nn.Module):
        """One op of a block. ReLU is never in place on a state (states are shared)."""
        def __init__(self, name, cin, f, stride):
            super().__init__()
            self.steps = []
            self.name, self.stride = name, stride
            def add(label, m):
                self.add_module(label, m); self.steps.append(m)
            def relu():
                self.steps.append(nn.ReLU(inplace=inplace and len(self.steps) > 0))
            def conv_bn(lc, lb, *args, **kw):
                relu(); add(lc, Conv(*args, **kw)); add(lb, bn(args[1]))
            if name == "identity" or name == "conv1x1":
                if name == "conv1x1" or stride > 1 or cin != f:
                    conv_bn("conv", "bn", cin, f, 1, stride)
            elif name[:3] in ("avg", "max"):
                k = int(name[3])
                self.steps.append(Pool(name[:3], k, stride))
                if cin != f:
                    add("conv", Conv(cin, f, 1)); add("bn", bn(f))
            elif name.startswith("sep"):
                k = int(name[3])
                for n, (ci, s) in enumerate(((cin, stride), (f, 1)), 1):
                    relu(); add("dw%d" % n, Conv(ci, ci, k, s, groups=ci))
                    add("pw%d" % n, Conv(ci, f, 1)); add("bn%d" % n, bn(f))
            else:
                r = 3 * f // 8 if name == "conv1x3_3x1" else f // 4
                c = r if r >= 1 else f
                if r >= 1:
                    conv_bn("pre", "pre_bn", cin, c, 1); cin = c
                if name in ("conv1x3_3x1", "conv1x7_7x1"):
                    k = int(name[6])
                    conv_bn("conv_h", "mid_bn", cin, c, (1, k), (1, stride))
                    conv_bn("conv_v", "bn", c, c, (k, 1), (stride, 1))
                elif name == "dil3x3":
                    conv_bn("conv", "bn", cin, c, 3, stride, dil=2)
                else:
                    conv_bn("conv", "bn", cin, c, 3, stride)
                if r >= 1:
                    conv_bn("post", "post_bn", c, f, 1)
        def forward(self, x):
            for m in self.steps:
                x = m(x)
            return x

    class Pool(nn.Module):
        def __init__(self, kind, k, stride):
            super().__init__()
            self.kind, self.k, self.stride = kind, k, stride
        def forward(self, x):
            k, s = self.k, self.stride
            if not same or s == 1:
                if self.kind == "avg":
                    return Fn.avg_pool2d(x, k, s, k // 2, count_include_pad=False)
                return Fn.max_pool2d(x, k, s, k // 2)
            if self.kind == "max":
                return Fn.max_pool2d(pad_same(x, (k, k), (s, s), value=float("-inf")), k, s)
            one = pad_same(torch.ones_like(x[:1, :1]), (k, k), (s, s))
            return Fn.avg_pool2d(pad_same(x, (k, k), (s, s)), k, s) / Fn.avg_pool2d(one, k, s)

    class Match(nn.Module):
        """Brings a state to f channels (1x1), or to f channels and half the size (factorized reduction).

        The output of a previous cell gets a relu first.
        """
        def __init__(self, cin, f, halve, relu):
            super().__init__()
            self.relu, self.halve = relu, halve
            if halve:
                self.path1 = nn.Conv2d(cin, f // 2, 1, 2, bias=False)
                self.path2 = nn.Conv2d(cin, f // 2, 1, 2, bias=False)
            else:
                self.conv = nn.Conv2d(cin, f, 1, bias=False)
            self.bn = bn(f)
        def forward(self, x):
            if self.relu:
                x = Fn.relu(x)
            if not self.halve:
                return self.bn(self.conv(x))
            y = Fn.pad(x, (0, 1, 0, 1))[:, :, 1:, 1:]
            return self.bn(torch.cat([self.path1(x), self.path2(y)], 1))

    class Combine(nn.Module):
        def __init__(self, f):
            super().__init__()
            self.conv, self.bn = nn.Conv2d(2 * f, f, 1, bias=False), bn(f)
        def forward(self, x):
            return self.bn(self.conv(Fn.relu(x)))

    class Cell(nn.Module):
        def __init__(self, spec, cur, prev, f, reduction):
            """cur, prev: (channels, size); prev None in the first cell, where state 1 is the unprojected input."""
            super().__init__()
            self.spec = spec
            self.cur = nn.Sequential()
            self.cur.add_module("conv", nn.Conv2d(cur[0], f, 1, bias=False)); self.cur.add_module("bn", bn(f))
            self.prev = None
            if prev is None:
                prev = cur
            elif prev[1] != cur[1]:
                self.prev = Match(prev[0], f, True, True); prev = (f, cur[1])
            elif prev[0] != f:
                self.prev = Match(prev[0], f, False, True); prev = (f, cur[1])
            half = -(-cur[1] // 2) if reduction else cur[1]
            st, used = [(f, cur[1]), prev], set()
            for n, b in enumerate(spec["blocks"]):
                blk = nn.Module(); self.add_module("block%d" % n, blk)
                for k, (i, o) in enumerate(((b["in1"], b["op1"]), (b["in2"], b["op2"])), 1):
                    used.add(i)
                    blk.add_module("op%d" % k, Op(o, st[i][0], f, 2 if reduction and i < 2 else 1))
                if b["combine"] == "concat":
                    blk.add_module("combine", Combine(f))
                st.append((f, half))
            self.keep = spec.get("concat") or [i for i in range(2, len(st)) if i not in used]
            self.out = nn.Module()
            for i in self.keep:
                if st[i] != (f, half):
                    self.out.add_module(str(i), Match(st[i][0], f, st[i][1] != half, False))
            self.shape = (f * len(self.keep), half)
        def forward(self, cur, prev):
            s = [self.cur(Fn.relu(cur)), self.prev(prev) if self.prev is not None else prev]
            for n, b in enumerate(self.spec["blocks"]):
                blk = getattr(self, "block%d" % n)
                x, y = blk.op1(s[b["in1"]]), blk.op2(s[b["in2"]])
                s.append(x + y if b["combine"] == "add" else blk.combine(torch.cat([x, y], 1)))
            o = [getattr(self.out, str(i))(s[i]) if hasattr(self.out, str(i)) else s[i] for i in self.keep]
            return torch.cat(o, 1) if len(o) > 1 else o[0]

    class Child(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Sequential()
            self.stem.add_module("conv", Conv(3, filters * stem_mult, 3))
            self.stem.add_module("bn", bn(filters * stem_mult))
            self.cells = nn.ModuleList()
            f, cur, prev = filters, (filters * stem_mult, image), None
            for stage in range(3):
                for kind in ["normal"] * cells + (["reduction"] if stage < 2 else []):
                    if kind == "reduction":
                        f *= 2
                    c = Cell(genotype[kind], cur, prev, f, kind == "reduction")
                    self.cells.append(c); prev, cur = cur, c.shape
            self.fc = nn.Linear(cur[0], classes)
        def forward(self, x):
            x = self.stem(x)
            cur, prev = x, x
            for c in self.cells:
                cur, prev = c(cur, prev), cur
            return self.fc(Fn.relu(cur).mean((2, 3)))

    return Child()

# ---------------------------------------------------------------- vectors
def vectors(path, g, cells, filters, classes, image, batch, seed, tries=100, clean=1e-4):
    """Writes a safetensors file to check another implementation: input, labels, parameters, logits, loss, gradients.

    Tensors (float32): "input" (N,H,W,3); "labels" (N) int32; "param/NAME", "grad/NAME"; "logits/train" (batch
    statistics), "loss" (their mean cross-entropy), "logits/eval" (moving statistics as stored in param/). NAME is the
    module path with slashes; its last part is w, b, gamma, beta, mean or var. Convolutions are (kh, kw, in/groups,
    out), dense layers (in, out). Metadata: genotype JSON, n, filters, classes, image, bn_eps, stack, and float32_error:
    the largest error of a float32 run of this same program, over gradient tensors, relative to each tensor's largest
    entry (for tensors below 1e-9 of the largest gradient, relative to that).

    ReLU and max pooling have kinks: where a value is within rounding of one, a float32 gradient may differ by percents
    from the exact one. So seeds are tried until the float32 run agrees within `clean`; use small images (8 to 16) and
    batches (2 to 4).
    """
    import copy, numpy as np, torch
    def attempt(seed):
        torch.manual_seed(seed)
        m = build(g, cells, filters, classes, image, "same", inplace=False).double()
        for k, p in list(m.named_parameters()) + list(m.named_buffers()):
            if k.endswith("num_batches_tracked"):
                continue
            with torch.no_grad():
                if k.endswith("running_var"): p.uniform_(0.5, 1.5)
                elif k.endswith("running_mean"): p.normal_(0, 0.2)
                elif p.dim() == 1 and k.endswith("weight"): p.uniform_(0.7, 1.3)
                elif p.dim() == 1: p.normal_(0, 0.1)
                p.copy_(p.float().double())
        x = torch.randn(batch, 3, image, image).float().double()
        y = torch.randint(0, classes, (batch,))
        m32, stored = copy.deepcopy(m).float(), {k: v.clone() for k, v in m.state_dict().items()}
        m.eval()
        with torch.no_grad():
            ze = m(x)
        def run(mm, xx):
            mm.train()
            z = mm(xx)
            loss = torch.nn.functional.cross_entropy(z, y)
            loss.backward()
            # grad is None for a state that nothing reads
            grads = {k: torch.zeros_like(p) if p.grad is None else p.grad for k, p in mm.named_parameters()}
            return z.detach(), loss.detach().reshape(1), grads
        z, loss, grad = run(m, x)
        grad32 = run(m32, x.float())[2]
        top = max(v.abs().max() for v in grad.values())
        # A gradient that would be zero without rounding, as of a shift that a later batch norm removes, is compared
        # with the largest of all.
        def scale(v):
            return v.abs().max() if v.abs().max() > 1e-9 * top else top
        err = max(((grad32[k].double() - v).abs().max() / scale(v)).item() for k, v in grad.items())
        return m, stored, x, y, ze, z, loss, grad, err
    for s in range(seed, seed + tries):
        m, stored, x, y, ze, z, loss, grad, err = attempt(s)
        if err < clean:
            break
    else:
        raise SystemExit("none of %d seeds gave a float32 gradient within %g (last %g): use a smaller image or batch"
                         % (tries, clean, err))
    def name(k):
        k = k.replace(".running_mean", ".mean").replace(".running_var", ".var")
        head, _, last = k.rpartition(".")
        if last in ("weight", "bias"):
            mod = m.get_submodule(head)
            norm = isinstance(mod, torch.nn.BatchNorm2d)
            last = {"weight": "gamma" if norm else "w", "bias": "beta" if norm else "b"}[last]
        return (head + "." + last).replace(".", "/")
    def lay(t):
        t = t.detach()
        return t.permute(2, 3, 1, 0) if t.dim() == 4 else t.t() if t.dim() == 2 else t
    out = {"input": x.permute(0, 2, 3, 1), "labels": y.int(), "logits/eval": ze, "logits/train": z, "loss": loss}
    out.update(("param/" + name(k), lay(p)) for k, p in stored.items() if not k.endswith("num_batches_tracked"))
    out.update(("grad/" + name(k), lay(v)) for k, v in grad.items())
    head = {"__metadata__": {"genotype": json.dumps(g), "n": str(cells), "filters": str(filters),
                             "classes": str(classes), "image": str(image), "bn_eps": "1e-05", "stack": "cifar",
                             "float32_error": "%.3g" % err}}
    blob = b""
    for k in sorted(out):
        a = out[k].contiguous().numpy()
        a = a.astype(np.int32) if k == "labels" else a.astype(np.float32)
        head[k] = {"dtype": "I32" if k == "labels" else "F32", "shape": list(a.shape),
                   "data_offsets": [len(blob), len(blob) + a.nbytes]}
        blob += a.tobytes()
    h = json.dumps(head).encode()
    h += b" " * (-len(h) % 8)
    with open(path, "wb") as f:
        f.write(len(h).to_bytes(8, "little") + h + blob)
    params = sum(p.numel() for p in m.parameters())
    print("%s: %s N=%d F=%d seed %d, %d tensors, %d parameters, loss %.6f, float32 error %.2g"
          % (path, g["name"], cells, filters, s, len(out), params, loss.item(), err))

def force_grad_format(model):
    """Keeps gradients channels_last: after every BN, the incoming gradient is copied if autograd passes it in another
    format, which happens for a third of NASNet-A's and makes torch 1.13's BN backward several times slower."""
    import torch
    class CLGrad(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.view_as(x)
        @staticmethod
        def backward(ctx, g):
            return g.contiguous(memory_format=torch.channels_last)
    for m in model.modules():
        if isinstance(m, torch.nn.BatchNorm2d):
            m.register_forward_hook(lambda mod, i, o: CLGrad.apply(o) if o.requires_grad else o)

def count(model, size=32):
    """Returns (parameters, multiply-adds per image) of conv and linear layers."""
    import torch
    from torch import nn
    macs, hooks, detail = [0], [], {}
    def hook(m, i, o):
        if isinstance(m, nn.Conv2d):
            n = o[0].numel() * m.weight[0].numel()
            key = ("depthwise%dx%d" % m.kernel_size if m.groups > 1 else "conv%dx%d" % m.kernel_size)
        else:
            n, key = m.weight.numel(), "linear"
        macs[0] += n
        detail[key] = detail.get(key, 0) + n
    for m in model.modules():
        if isinstance(m, (nn.Conv2d, nn.Linear)):
            hooks.append(m.register_forward_hook(hook))
    was = model.training
    model.eval()
    with torch.no_grad():
        model(torch.zeros(1, 3, size, size))
    model.train(was)
    for h in hooks:
        h.remove()
    return sum(p.numel() for p in model.parameters()), macs[0], detail

# ---------------------------------------------------------------- measuring
def measure(step, warmup, repeats, budget):
    for _ in range(warmup):
        step()
    ts, t_end = [], time.perf_counter() + budget
    while len(ts) < repeats or (time.perf_counter() < t_end and len(ts) < 4 * repeats):
        t = time.perf_counter(); step(); ts.append(time.perf_counter() - t)
        if len(ts) >= 3 and time.perf_counter() > t_end + 2 * budget:
            break
    return ts

def one_config(a, g, cells, filters, batch, threads, fmt, mkldnn):
    import torch
    torch.manual_seed(a.seed)
    torch.set_num_threads(threads)
    if a.flush_denormal:
        torch.set_flush_denormal(True)
    mf = torch.channels_last if fmt.startswith("channels_last") else torch.contiguous_format
    model = build(g, cells, filters, a.classes, a.image, a.padding, inplace=fmt != "channels_last_grad")
    params, macs, detail = count(model, a.image)
    if fmt == "channels_last_grad":
        force_grad_format(model)
    model = model.to(memory_format=mf)
    x = torch.randn(batch, 3, a.image, a.image).contiguous(memory_format=mf)
    y = torch.randint(0, a.classes, (batch,))
    opt = torch.optim.SGD(model.parameters(), lr=a.lr, momentum=0.9, weight_decay=1e-4)
    lossf = torch.nn.CrossEntropyLoss()
    def amp():
        return torch.autocast("cpu", dtype=torch.bfloat16, enabled=a.dtype == "bf16")
    def train():
        opt.zero_grad(set_to_none=True)
        with amp():
            l = lossf(model(x), y)
        l.backward()
        opt.step()
        train.loss = l.item()
    def forward():
        with torch.no_grad(), amp():
            model(x)
    res = dict(genotype=g["name"], cells=cells, filters=filters, batch=batch, threads=threads, format=fmt,
               mkldnn=mkldnn, dtype=a.dtype, params=params, madds=macs, madds_by_kind=detail)
    with torch.backends.mkldnn.flags(enabled=mkldnn):
        if "train" in a.mode:
            model.train()
            ts = measure(train, a.warmup, a.repeats, a.budget)
            m = statistics.median(ts)
            res.update(train_img_s=batch / m, train_best_img_s=batch / min(ts), train_step_ms=m * 1e3,
                       train_best_ms=min(ts) * 1e3, train_runs=len(ts),
                       train_gmac_s=3 * macs * batch / m / 1e9, loss=train.loss)
        if "forward" in a.mode:
            model.train() if a.forward_bn == "train" else model.eval()
            ts = measure(forward, a.warmup, a.repeats, a.budget)
            m = statistics.median(ts)
            res.update(fwd_img_s=batch / m, fwd_best_img_s=batch / min(ts), fwd_step_ms=m * 1e3,
                       fwd_best_ms=min(ts) * 1e3, fwd_runs=len(ts), fwd_gmac_s=macs * batch / m / 1e9)
        if a.profile:
            model.train()
            train()
            from torch.profiler import profile, ProfilerActivity
            with profile(activities=[ProfilerActivity.CPU]) as p:
                for _ in range(a.profile_steps):
                    train()
            ka = p.key_averages()
            print(ka.table(sort_by="self_cpu_time_total", row_limit=a.profile_rows, max_name_column_width=48))
            tot = sum(e.self_cpu_time_total for e in ka)
            res["profile"] = [dict(name=e.key, self_ms=e.self_cpu_time_total / 1e3 / a.profile_steps,
                                   share=e.self_cpu_time_total / tot, calls=e.count // a.profile_steps)
                              for e in sorted(ka, key=lambda e: -e.self_cpu_time_total)[:40]]
    return res

def ints(s):
    return [int(v) for v in s.split(",")]

def parse():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--genotype", default="nasnet-a", 
                   help="nasnet-a, random:SEED or a JSON file; several: comma-separated")
    p.add_argument("--cells", type=int, default=2, help="N, normal cells per stage")
    p.add_argument("--filters", type=int, default=16, help="F, filters of the first cells")
    p.add_argument("--sizes", help="several (N)x(F), e.g. 1x8,2x16,2x32; overrides --cells/--filters")
    p.add_argument("--batch", type=ints, default=[64])
    p.add_argument("--threads", type=ints, default=[1])
    p.add_argument("--format", default="channels_last_grad",
                   help="default, channels_last, channels_last_grad (gradients forced to channels_last: the fastest), "
                        "or several, comma-separated")
    p.add_argument("--mkldnn", default="on", help="on, off or on,off")
    p.add_argument("--mode", default="train,forward")
    p.add_argument("--forward-bn", choices=["eval", "train"], default="eval", help="BN mode of the forward-only run")
    p.add_argument("--dtype", choices=["fp32", "bf16"], default="fp32", help="bf16: CPU autocast")
    p.add_argument("--classes", type=int, default=10)
    p.add_argument("--image", type=int, default=32, help="side of the square input, pixels")
    p.add_argument("--padding", choices=["symmetric", "same"], default="symmetric",
                   help="symmetric: faster in torch; same: exact")
    p.add_argument("--vectors", metavar="FILE",
                   help="write input, parameters, logits and gradients (safetensors, float64 arithmetic, SAME padding) "
                        "and stop")
    p.add_argument("--lr", type=float, default=0.01)
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--repeats", type=int, default=5, help="least number of timed steps (median is reported)")
    p.add_argument("--budget", type=float, default=3.0, help="seconds of timed steps aimed at per measurement")
    p.add_argument("--procs", type=int, default=1,
                   help="number of pinned processes to run at the same time; their throughput is summed")
    p.add_argument("--pin", type=int, default=-1, help="pin this process to one CPU")
    p.add_argument("--aten", choices=["default", "avx2", "avx512"], default="default", help="ATEN_CPU_CAPABILITY")
    p.add_argument("--malloc", choices=["default", "keep"], default="default",
                   help="keep: glibc never returns freed memory to the kernel (no page faults per tensor)")
    p.add_argument("--flush-denormal", action="store_true")
    p.add_argument("--profile", action="store_true")
    p.add_argument("--profile-steps", type=int, default=3)
    p.add_argument("--profile-rows", type=int, default=30)
    p.add_argument("--dump-genotype", action="store_true", help="print the genotype JSON and stop")
    p.add_argument("--count-only", action="store_true", help="print params and MAdds and stop")
    p.add_argument("--info", action="store_true", help="print torch's build configuration first")
    p.add_argument("--json", help="write the results here ('-': standard output)")
    return p.parse_args()

def main():
    a = parse()
    try:
        import importlib.util
        if importlib.util.find_spec("torch") is None and sys.executable != "/usr/bin/python3" \
                and os.path.exists("/usr/bin/python3"):
            os.execv("/usr/bin/python3", ["/usr/bin/python3"] + sys.argv)  # Debian's torch is in the system Python
    except ValueError:
        pass
    env = {}
    if a.aten != "default":
        env["ATEN_CPU_CAPABILITY"] = a.aten
    if a.malloc == "keep":
        env.update(MALLOC_MMAP_THRESHOLD_="4294967296", MALLOC_TRIM_THRESHOLD_="17179869184",
                   MALLOC_TOP_PAD_="268435456")
    if env and not all(os.environ.get(k) == v for k, v in env.items()):
        os.environ.update(env)
        os.execv(sys.executable, [sys.executable] + sys.argv)
    genos = [load_genotype(s) for s in a.genotype.split(",")]
    for g in genos:
        check_genotype(g)
    if a.dump_genotype:
        print(json.dumps(genos if len(genos) > 1 else genos[0], indent=1)); return
    sizes = [tuple(int(v) for v in s.split("x")) for s in a.sizes.split(",")] if a.sizes else [(a.cells, a.filters)]
    a.mode = a.mode.split(",")
    results = []
    if a.procs > 1:
        args = [v for v in sys.argv[1:]]
        def drop(name):
            for i, v in enumerate(args):
                if v == name:
                    del args[i:i + 2]; return
                if v.startswith(name + "="):
                    del args[i]; return
        for n in ("--procs", "--pin", "--json", "--mode"):
            drop(n)
        cpus = sorted(os.sched_getaffinity(0))
        for mode in a.mode:
            ps = [subprocess.Popen([sys.executable, os.path.abspath(__file__)] + args +
                                   ["--mode", mode, "--json", "-", "--pin", str(cpus[i % len(cpus)])],
                                   stdout=subprocess.PIPE, text=True) for i in range(a.procs)]
            outs = [json.loads(p.communicate()[0]) for p in ps]
            for rs in zip(*[o["results"] for o in outs]):
                r = dict(rs[0], procs=a.procs)
                for k in ("train_img_s", "fwd_img_s", "train_best_img_s", "fwd_best_img_s", "train_gmac_s",
                          "fwd_gmac_s"):
                    if k in r:
                        r[k] = sum(q[k] for q in rs)
                results.append(r); show(r, a)
    elif a.vectors:
        vectors(a.vectors, genos[0], sizes[0][0], sizes[0][1], a.classes, a.image, a.batch[0], a.seed)
    else:
        import torch
        if a.pin >= 0:
            os.sched_setaffinity(0, {a.pin})
        if a.info:
            print(torch.__version__, torch.__config__.show(), torch.__config__.parallel_info(), file=sys.stderr)
        for g in genos:
            for n, f in sizes:
                if a.count_only:
                    pr, mc, d = count(build(g, n, f, a.classes, a.image), a.image)
                    print("%-10s N=%d F=%d params %d MAdds/image %d %s" % (g["name"], n, f, pr, mc, d)); continue
                for fmt in a.format.split(","):
                    for mk in a.mkldnn.split(","):
                        for th in a.threads:
                            for b in a.batch:
                                r = one_config(a, g, n, f, b, th, fmt, mk == "on")
                                results.append(r); show(r, a)
    if a.json:
        prefixes = ("ATEN_", "MALLOC_", "OMP_", "DNNL_", "OPENBLAS_")
        doc = dict(env={k: v for k, v in os.environ.items() if k.startswith(prefixes)},
                   argv=sys.argv[1:], results=results)
        if a.procs == 1:
            import torch
            doc["torch"] = torch.__version__
        s = json.dumps(doc, indent=1)
        if a.json == "-":
            print(s)
        else:
            with open(a.json, "w") as f:
                f.write(s + "\n")

def show(r, a):
    out = sys.stderr if a.json == "-" else sys.stdout
    if a.json == "-":
        return
    s = "%-9s N=%d F=%-2d b=%-3d thr=%d%s %-18s mkldnn=%d %s params=%.3fM madds=%.2fM" % (
        r["genotype"], r["cells"], r["filters"], r["batch"], r["threads"],
        " procs=%d" % r["procs"] if "procs" in r else "", r["format"],
        r["mkldnn"], r["dtype"], r["params"] / 1e6, r["madds"] / 1e6)
    if "train_img_s" in r:
        s += " | train %7.1f img/s (best %7.1f) %6.2f GMAC/s" % (
            r["train_img_s"], r["train_best_img_s"], r["train_gmac_s"])
    if "fwd_img_s" in r:
        s += " | fwd %7.1f img/s (best %7.1f) %6.2f GMAC/s" % (r["fwd_img_s"], r["fwd_best_img_s"], r["fwd_gmac_s"])
    print(s, file=out, flush=True)

if __name__ == "__main__":
    main()
