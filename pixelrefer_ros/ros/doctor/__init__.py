"""What of ROS a machine has and lacks, one check to a module."""
