"""Reinforcement learning of a trading policy with Stable-Baselines3 PPO."""
