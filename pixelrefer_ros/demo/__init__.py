"""The main job on recorded pictures: a node, a camera and a planner, each in its own process."""
