#!/usr/bin/env python3
"""Writes the programs of this folder and their references from PyTorch: reference.py NNC [NAME...].

Each case of cases.py and layers.py is a small network described twice: as .nn text and as PyTorch. The trainer's initial weights
(--epochs 0, double precision) and its rows start both; fifty steps later (where the case says nothing else) the losses before each update, the rates, what the log
says of metrics, and the final weights must agree. NAME.ref holds them as text, so that the test (tests/unit/library_test.c) needs
neither Python nor PyTorch. Needs torch and numpy; rows.csv is drawn once. For draws it is their distribution that must agree.

A .ref is a list of blocks, each a name, a count and so many numbers: `losses` and `lr` of the steps; `log.KEY` of the epochs'
lines; `sorted.NAME`, evenly spaced order statistics of a tensor, and `range.NAME`, its ends; `gram.NAME ROWS`, the products of the
columns or rows of a matrix; `tolerance` of a case that is about draws; otherwise the name of a tensor in the weights file.
"""
import sys

from cases import CASES
from engine import HERE, draw_rows

if not (HERE / 'rows.csv').exists(): draw_rows()
wanted = sys.argv[2:]
for case in CASES:
    if not wanted or case.name in wanted:
        case.run(sys.argv[1])
        print(case.name, flush=True)
