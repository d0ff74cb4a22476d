"""Write the vision encoder as ONNX and as a TensorRT engine."""
