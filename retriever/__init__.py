"""LLM-free retrieval of answers from bilingual (Chinese/English) question-and-answer documents.

Start with `retriever.search.Retriever` (ask an index) and `retriever.pipeline.build` (make one); the command line is
`retriever.cli`.
"""

__version__ = "0.1.0"
