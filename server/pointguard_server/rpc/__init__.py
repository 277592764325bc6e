"""gRPC in.

One module a service, one guard around every call, one table from errors to statuses. The only room that knows gRPC.
"""
