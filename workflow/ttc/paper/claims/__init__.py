"""Claims of the paper beside our numbers, one module a topic of the report.

A module holds `TOPIC`, a number and a title, which is also the order of topics, and `CLAIMS`, the rows of the table
`findings` in their order (`ttc.paper.claim`).
"""

NAMED_BY = None
