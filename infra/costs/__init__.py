"""
What a stack costs: a dated price table, a model of idle hours and of 1,000 conversions, and docs/costs.md from both.

    prices   USD for one of each, where it was read, and when
    model    a stack's configuration → lines of a bill
    page     docs/costs.md
"""
