"""What went wrong in other gateways, each as a test that it does not go wrong here.

README.md is the table: a failure as it was reported, and the test that stands against it, wherever that is.
`test_table.py` holds the table to the tests that exist.
"""
