"""The forecasting engine: patches, transformers and cross-attention over several timeframes."""
