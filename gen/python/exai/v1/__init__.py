"""Version 1: messages (*_pb2), grpcio stubs (*_pb2_grpc), Connect clients (*_connect)."""
