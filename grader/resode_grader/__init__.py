"""Grade a folder of notebooks: ``resode-grade submissions/ --set 1 --cohort NAME``.

Three kinds of process. The command hands out submissions and writes what comes back. A worker, also
trusted, draws hidden inputs and holds what is right. Each submission runs in a fresh process that
gets inputs and returns data. So nothing that a submission does can raise its own mark or touch
another's.
"""
