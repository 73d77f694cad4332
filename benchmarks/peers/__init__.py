"""The same work done by what people would pick instead, a program each.

Each is written as its own documentation has it, and tuned as its users would. What it is told
stands in `job.py`; `benchmarks.speed.compare` runs them.
"""
