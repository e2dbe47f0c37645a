"""The ROS 2 Jazzy data-carrying messages and services Keel speaks, as a table of field names and types.

One package per entry of `MESSAGES` and `SERVICES`, one interface per line, in the grammar that `model.parse` reads:
``Name: type field; type field=default; TYPE CONSTANT=value``; a service separates request and response with ``---``.
Types are ROS interface types; a name without a package belongs to its own package. Field names, types and order are
facts of the ROS 2 interfaces (REP-2011 type hashes make them checkable: the tests compare every line with an
independent implementation).
"""

from __future__ import annotations

MESSAGES: dict[str, str] = {
    "builtin_interfaces": """
Time: int32 sec; uint32 nanosec
Duration: int32 sec; uint32 nanosec
""",
    "std_msgs": """
Bool: bool data
Byte: byte data
Char: char data
String: string data
Empty:
Float32: float32 data
Float64: float64 data
Int8: int8 data
Int16: int16 data
Int32: int32 data
Int64: int64 data
UInt8: uint8 data
UInt16: uint16 data
UInt32: uint32 data
UInt64: uint64 data
ColorRGBA: float32 r; float32 g; float32 b; float32 a
Header: builtin_interfaces/Time stamp; string frame_id
MultiArrayDimension: string label; uint32 size; uint32 stride
MultiArrayLayout: MultiArrayDimension[] dim; uint32 data_offset
ByteMultiArray: MultiArrayLayout layout; byte[] data
Float32MultiArray: MultiArrayLayout layout; float32[] data
Float64MultiArray: MultiArrayLayout layout; float64[] data
Int32MultiArray: MultiArrayLayout layout; int32[] data
Int64MultiArray: MultiArrayLayout layout; int64[] data
UInt8MultiArray: MultiArrayLayout layout; uint8[] data
""",
    "geometry_msgs": """
Point: float64 x; float64 y; float64 z
Quaternion: float64 x=0; float64 y=0; float64 z=0; float64 w=1
Vector3: float64 x; float64 y; float64 z
Vector3Stamped: std_msgs/Header header; Vector3 vector
PointStamped: std_msgs/Header header; Point point
QuaternionStamped: std_msgs/Header header; Quaternion quaternion
Pose: Point position; Quaternion orientation
PoseStamped: std_msgs/Header header; Pose pose
PoseArray: std_msgs/Header header; Pose[] poses
PoseWithCovariance: Pose pose; float64[36] covariance
PoseWithCovarianceStamped: std_msgs/Header header; PoseWithCovariance pose
Twist: Vector3 linear; Vector3 angular
TwistStamped: std_msgs/Header header; Twist twist
TwistWithCovariance: Twist twist; float64[36] covariance
Accel: Vector3 linear; Vector3 angular
AccelStamped: std_msgs/Header header; Accel accel
Wrench: Vector3 force; Vector3 torque
WrenchStamped: std_msgs/Header header; Wrench wrench
Transform: Vector3 translation; Quaternion rotation
TransformStamped: std_msgs/Header header; string child_frame_id; Transform transform
""",
    "sensor_msgs": """
JointState: std_msgs/Header header; string[] name; float64[] position; float64[] velocity; float64[] effort
MultiDOFJointState: std_msgs/Header header; string[] joint_names; geometry_msgs/Transform[] transforms; \
geometry_msgs/Twist[] twist; geometry_msgs/Wrench[] wrench
Imu: std_msgs/Header header; geometry_msgs/Quaternion orientation; float64[9] orientation_covariance; \
geometry_msgs/Vector3 angular_velocity; float64[9] angular_velocity_covariance; \
geometry_msgs/Vector3 linear_acceleration; float64[9] linear_acceleration_covariance
Image: std_msgs/Header header; uint32 height; uint32 width; string encoding; uint8 is_bigendian; uint32 step; \
uint8[] data
CompressedImage: std_msgs/Header header; string format; uint8[] data
RegionOfInterest: uint32 x_offset; uint32 y_offset; uint32 height; uint32 width; bool do_rectify
CameraInfo: std_msgs/Header header; uint32 height; uint32 width; string distortion_model; float64[] d; float64[9] k; \
float64[9] r; float64[12] p; uint32 binning_x; uint32 binning_y; RegionOfInterest roi
PointField: uint8 INT8=1; uint8 UINT8=2; uint8 INT16=3; uint8 UINT16=4; uint8 INT32=5; uint8 UINT32=6; \
uint8 FLOAT32=7; uint8 FLOAT64=8; string name; uint32 offset; uint8 datatype; uint32 count
PointCloud2: std_msgs/Header header; uint32 height; uint32 width; PointField[] fields; bool is_bigendian; \
uint32 point_step; uint32 row_step; uint8[] data; bool is_dense
Joy: std_msgs/Header header; float32[] axes; int32[] buttons
Range: uint8 ULTRASOUND=0; uint8 INFRARED=1; std_msgs/Header header; uint8 radiation_type; float32 field_of_view; \
float32 min_range; float32 max_range; float32 range; float32 variance
Temperature: std_msgs/Header header; float64 temperature; float64 variance
MagneticField: std_msgs/Header header; geometry_msgs/Vector3 magnetic_field; float64[9] magnetic_field_covariance
BatteryState: uint8 POWER_SUPPLY_STATUS_UNKNOWN=0; uint8 POWER_SUPPLY_STATUS_CHARGING=1; \
uint8 POWER_SUPPLY_STATUS_DISCHARGING=2; uint8 POWER_SUPPLY_STATUS_NOT_CHARGING=3; uint8 POWER_SUPPLY_STATUS_FULL=4; \
uint8 POWER_SUPPLY_HEALTH_UNKNOWN=0; uint8 POWER_SUPPLY_HEALTH_GOOD=1; uint8 POWER_SUPPLY_HEALTH_OVERHEAT=2; \
uint8 POWER_SUPPLY_HEALTH_DEAD=3; uint8 POWER_SUPPLY_HEALTH_OVERVOLTAGE=4; \
uint8 POWER_SUPPLY_HEALTH_UNSPEC_FAILURE=5; uint8 POWER_SUPPLY_HEALTH_COLD=6; \
uint8 POWER_SUPPLY_HEALTH_WATCHDOG_TIMER_EXPIRE=7; uint8 POWER_SUPPLY_HEALTH_SAFETY_TIMER_EXPIRE=8; \
uint8 POWER_SUPPLY_TECHNOLOGY_UNKNOWN=0; uint8 POWER_SUPPLY_TECHNOLOGY_NIMH=1; uint8 POWER_SUPPLY_TECHNOLOGY_LION=2; \
uint8 POWER_SUPPLY_TECHNOLOGY_LIPO=3; uint8 POWER_SUPPLY_TECHNOLOGY_LIFE=4; uint8 POWER_SUPPLY_TECHNOLOGY_NICD=5; \
uint8 POWER_SUPPLY_TECHNOLOGY_LIMN=6; uint8 POWER_SUPPLY_TECHNOLOGY_TERNARY=7; uint8 POWER_SUPPLY_TECHNOLOGY_VRLA=8; \
std_msgs/Header header; float32 voltage; float32 temperature; float32 current; float32 charge; float32 capacity; \
float32 design_capacity; float32 percentage; uint8 power_supply_status; uint8 power_supply_health; \
uint8 power_supply_technology; bool present; float32[] cell_voltage; float32[] cell_temperature; string location; \
string serial_number
""",
    "trajectory_msgs": """
JointTrajectoryPoint: float64[] positions; float64[] velocities; float64[] accelerations; float64[] effort; \
builtin_interfaces/Duration time_from_start
JointTrajectory: std_msgs/Header header; string[] joint_names; JointTrajectoryPoint[] points
""",
    "nav_msgs": """
Odometry: std_msgs/Header header; string child_frame_id; geometry_msgs/PoseWithCovariance pose; \
geometry_msgs/TwistWithCovariance twist
Path: std_msgs/Header header; geometry_msgs/PoseStamped[] poses
""",
    "diagnostic_msgs": """
KeyValue: string key; string value
DiagnosticStatus: byte OK=0; byte WARN=1; byte ERROR=2; byte STALE=3; byte level; string name; string message; \
string hardware_id; KeyValue[] values
DiagnosticArray: std_msgs/Header header; DiagnosticStatus[] status
""",
    "tf2_msgs": """
TFMessage: geometry_msgs/TransformStamped[] transforms
""",
}

SERVICES: dict[str, str] = {
    "example_interfaces": """
AddTwoInts: int64 a; int64 b --- int64 sum
""",
    "std_srvs": """
Empty: ---
SetBool: bool data --- bool success; string message
Trigger: --- bool success; string message
""",
}
