#!/usr/bin/env python3
"""Times the same children in nasnet and in PyTorch, in alternating rounds, and prints a table of medians and ratios.

    go build -o nasnet . && nas/child/testdata/compare.py ./nasnet            # about 8 minutes on an idle machine
    nas/child/testdata/compare.py ./nasnet --rows nasnet-a:2x16 --rounds 5    # only some rows

Progress goes to stderr. Both run one thread, batch 64, 32 x 32 pixels. A training step is forward with batch
statistics, backward, and a step of SGD with momentum; "forward" is inference with moving statistics. PyTorch runs with
its best settings (peer_torch.py: channels_last_grad, --malloc keep); it comes from Debian (apt-get install
python3-torch) and runs in /usr/bin/python3.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
PEER = ["/usr/bin/python3", os.path.join(HERE, "peer_torch.py")]
ROWS = "nasnet-a:1x8,nasnet-a:2x16,nasnet-a:2x32,random:1:2x16,random:2:2x16,random:3:2x16"


def ours(program, genotype, n, f, seconds):
    """Images per second of training and of inference."""
    out = subprocess.run([program, "bench", "child", "--cell", genotype, "--n", n, "--filters", f,
                          "--time", "%gs" % seconds, "--json"], check=True, capture_output=True, text=True).stdout
    r = json.loads(out)
    return r["train_images_per_s"], r["forward_images_per_s"]


def peer(spec, n, f, seconds):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "out.json")
        subprocess.run(PEER + ["--genotype", spec, "--sizes", "%sx%s" % (n, f), "--batch", "64", "--threads", "1",
                               "--malloc", "keep", "--budget", "%g" % (seconds / 2), "--json", path],
                       check=True, capture_output=True, text=True)
        with open(path) as file:
            r = json.load(file)["results"][0]
    return r["train_img_s"], r["fwd_img_s"]


def genotype(spec, folder):
    """Returns the value for nasnet --cell: a name, or a file with the peer's random genotype."""
    if not spec.startswith("random:"):
        return spec
    path = os.path.join(folder, spec.replace(":", "-") + ".json")
    with open(path, "w") as file:
        file.write(subprocess.run(PEER + ["--genotype", spec, "--dump-genotype"],
                                  check=True, capture_output=True, text=True).stdout)
    return path


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("program", help="the nasnet binary")
    p.add_argument("--rows", default=ROWS, help="comma-separated CELL:NxF (default %(default)s)")
    p.add_argument("--rounds", type=int, default=3, help="rounds; medians are reported")
    p.add_argument("--seconds", type=float, default=6, help="how long each program measures in each round")
    a = p.parse_args()
    times = {}
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for row in a.rows.split(","):
            spec, size = row.rsplit(":", 1)
            n, f = size.split("x")
            rows.append((spec, n, f, genotype(spec, folder)))
        for _ in range(a.rounds):
            for spec, n, f, cell in rows:
                both = ("ours", ours(a.program, cell, n, f, a.seconds)), ("peer", peer(spec, n, f, a.seconds))
                for who, rates in both:
                    print("%s N=%s F=%s %s: train %.1f, forward %.1f" % (spec, n, f, who, *rates),
                          file=sys.stderr, flush=True)
                    for mode, rate in zip(("train", "forward"), rates):
                        times.setdefault((spec, n, f, who, mode), []).append(rate)
    print("| child | train, nasnet | PyTorch | | forward, nasnet | PyTorch | |\n|---|---|---|---|---|---|---|")
    for spec, n, f, _ in rows:
        cells = ["%s N=%s F=%s" % (spec, n, f)]
        for mode in "train", "forward":
            us, them = (statistics.median(times[spec, n, f, who, mode]) for who in ("ours", "peer"))
            cells += ["%.0f" % us, "%.0f" % them, "%.1fx" % (us / them)]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    sys.exit(main())
