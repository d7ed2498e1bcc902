"""Archives: a finished election as a folder of Parquet files, from which an empty installation has it back.

What an archive holds is in `manifest.py`; how its parts are written and read in `log.py` and `tables.py`; the whole in
`archiving.py` and `restoring.py`.
"""
