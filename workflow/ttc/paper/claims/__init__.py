"""Claims of the paper beside our numbers, one module a topic of the report.

A module holds `TOPIC`, a number and a title, which is also the order of topics, and `CLAIMS`, the rows of the table
`findings` in their order (`ttc.paper.claim`).  One or two claims of a topic of the paper's are `primary`: those that it
stands for, named before a study has measured any, and tested more strictly.
"""

NAMED_BY = None
