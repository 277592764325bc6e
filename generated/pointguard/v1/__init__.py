"""Version 1 of the wire contract: messages (`*_pb2`) and services (`*_pb2_grpc`), made from protos/."""
