"""The commands of the program, one file a group; `retriever.cli` puts them together."""
