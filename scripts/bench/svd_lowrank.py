"""Times torch.svd_lowrank on a raw float32 matrix, for factorize.ts.

    python svd_lowrank.py FILE ROWS COLUMNS RANK ITERATIONS THREADS REPEAT

Prints JSON: seconds and CPU seconds of all threads (least of REPEAT, reading left out), and the share of the squared norm that the product keeps. The
oversampling is that of native-merge: the larger of 20 and a quarter of the rank.
"""

import json
import sys
import time

import numpy
import torch

path, rows, columns, rank, iterations, threads, repeat = sys.argv[1:]
rank = int(rank)
torch.set_num_threads(int(threads))
torch.manual_seed(0)
matrix = torch.from_numpy(numpy.fromfile(path, dtype=numpy.float32).reshape(int(rows), int(columns)))
best = cpu = float("inf")
for _ in range(int(repeat)):
    start, worked = time.perf_counter(), time.process_time()
    u, s, v = torch.svd_lowrank(matrix, q=rank + max(20, rank // 4), niter=int(iterations))
    best = min(best, time.perf_counter() - start)
    cpu = min(cpu, time.process_time() - worked)
left = matrix - (u[:, :rank] * s[:rank]) @ v[:, :rank].T
kept = 1 - float((left.double() ** 2).sum() / (matrix.double() ** 2).sum())
print(json.dumps({"seconds": best, "cpu": cpu, "energy": kept}))
