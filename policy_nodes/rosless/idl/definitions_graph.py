"""The ROS 2 Jazzy interfaces behind nodes: parameters, lifecycle, logging, clock, graph and type descriptions.

Same grammar as `definitions`.
"""

from __future__ import annotations

GRAPH_MESSAGES: dict[str, str] = {
    "rosgraph_msgs": """
Clock: builtin_interfaces/Time clock
""",
    "service_msgs": """
ServiceEventInfo: uint8 REQUEST_SENT=0; uint8 REQUEST_RECEIVED=1; uint8 RESPONSE_SENT=2; uint8 RESPONSE_RECEIVED=3; \
uint8 event_type; builtin_interfaces/Time stamp; char[16] client_gid; int64 sequence_number
""",
    "rmw_dds_common": """
Gid: char[16] data
NodeEntitiesInfo: string<=256 node_namespace; string<=256 node_name; Gid[] reader_gid_seq; Gid[] writer_gid_seq
ParticipantEntitiesInfo: Gid gid; NodeEntitiesInfo[] node_entities_info_seq
""",
    "lifecycle_msgs": """
State: uint8 PRIMARY_STATE_UNKNOWN=0; uint8 PRIMARY_STATE_UNCONFIGURED=1; uint8 PRIMARY_STATE_INACTIVE=2; \
uint8 PRIMARY_STATE_ACTIVE=3; uint8 PRIMARY_STATE_FINALIZED=4; uint8 TRANSITION_STATE_CONFIGURING=10; \
uint8 TRANSITION_STATE_CLEANINGUP=11; uint8 TRANSITION_STATE_SHUTTINGDOWN=12; uint8 TRANSITION_STATE_ACTIVATING=13; \
uint8 TRANSITION_STATE_DEACTIVATING=14; uint8 TRANSITION_STATE_ERRORPROCESSING=15; uint8 id; string label
Transition: uint8 TRANSITION_CREATE=0; uint8 TRANSITION_CONFIGURE=1; uint8 TRANSITION_CLEANUP=2; \
uint8 TRANSITION_ACTIVATE=3; uint8 TRANSITION_DEACTIVATE=4; uint8 TRANSITION_UNCONFIGURED_SHUTDOWN=5; \
uint8 TRANSITION_INACTIVE_SHUTDOWN=6; uint8 TRANSITION_ACTIVE_SHUTDOWN=7; uint8 TRANSITION_DESTROY=8; \
uint8 TRANSITION_ON_CONFIGURE_SUCCESS=10; uint8 TRANSITION_ON_CONFIGURE_FAILURE=11; \
uint8 TRANSITION_ON_CONFIGURE_ERROR=12; uint8 TRANSITION_ON_CLEANUP_SUCCESS=20; \
uint8 TRANSITION_ON_CLEANUP_FAILURE=21; uint8 TRANSITION_ON_CLEANUP_ERROR=22; uint8 TRANSITION_ON_ACTIVATE_SUCCESS=30; \
uint8 TRANSITION_ON_ACTIVATE_FAILURE=31; uint8 TRANSITION_ON_ACTIVATE_ERROR=32; \
uint8 TRANSITION_ON_DEACTIVATE_SUCCESS=40; uint8 TRANSITION_ON_DEACTIVATE_FAILURE=41; \
uint8 TRANSITION_ON_DEACTIVATE_ERROR=42; uint8 TRANSITION_ON_SHUTDOWN_SUCCESS=50; \
uint8 TRANSITION_ON_SHUTDOWN_FAILURE=51; uint8 TRANSITION_ON_SHUTDOWN_ERROR=52; \
uint8 TRANSITION_ON_ERROR_SUCCESS=60; uint8 TRANSITION_ON_ERROR_FAILURE=61; uint8 TRANSITION_ON_ERROR_ERROR=62; \
uint8 TRANSITION_CALLBACK_SUCCESS=97; uint8 TRANSITION_CALLBACK_FAILURE=98; uint8 TRANSITION_CALLBACK_ERROR=99; \
uint8 id; string label
TransitionDescription: Transition transition; State start_state; State goal_state
TransitionEvent: uint64 timestamp; Transition transition; State start_state; State goal_state
""",
    "rcl_interfaces": """
FloatingPointRange: float64 from_value; float64 to_value; float64 step
IntegerRange: int64 from_value; int64 to_value; uint64 step
ParameterType: uint8 PARAMETER_NOT_SET=0; uint8 PARAMETER_BOOL=1; uint8 PARAMETER_INTEGER=2; uint8 PARAMETER_DOUBLE=3; \
uint8 PARAMETER_STRING=4; uint8 PARAMETER_BYTE_ARRAY=5; uint8 PARAMETER_BOOL_ARRAY=6; uint8 PARAMETER_INTEGER_ARRAY=7; \
uint8 PARAMETER_DOUBLE_ARRAY=8; uint8 PARAMETER_STRING_ARRAY=9
ParameterValue: uint8 type; bool bool_value; int64 integer_value; float64 double_value; string string_value; \
byte[] byte_array_value; bool[] bool_array_value; int64[] integer_array_value; float64[] double_array_value; \
string[] string_array_value
Parameter: string name; ParameterValue value
ParameterDescriptor: string name; uint8 type; string description; string additional_constraints; bool read_only=false; \
bool dynamic_typing=false; FloatingPointRange[<=1] floating_point_range; IntegerRange[<=1] integer_range
ParameterEvent: builtin_interfaces/Time stamp; string node; Parameter[] new_parameters; \
Parameter[] changed_parameters; Parameter[] deleted_parameters
ListParametersResult: string[] names; string[] prefixes
SetParametersResult: bool successful; string reason
Log: uint8 DEBUG=10; uint8 INFO=20; uint8 WARN=30; uint8 ERROR=40; uint8 FATAL=50; builtin_interfaces/Time stamp; \
uint8 level; string name; string msg; string file; string function; uint32 line
LoggerLevel: uint8 LOG_LEVEL_UNKNOWN=0; uint8 LOG_LEVEL_DEBUG=10; uint8 LOG_LEVEL_INFO=20; uint8 LOG_LEVEL_WARN=30; \
uint8 LOG_LEVEL_ERROR=40; uint8 LOG_LEVEL_FATAL=50; string name; uint32 level
SetLoggerLevelsResult: bool successful; string reason
""",
    "type_description_interfaces": """
FieldType: uint8 type_id=0; uint64 capacity; uint64 string_capacity; string<=255 nested_type_name
Field: string name; FieldType type; string default_value
IndividualTypeDescription: string<=255 type_name; Field[] fields
TypeDescription: IndividualTypeDescription type_description; IndividualTypeDescription[] referenced_type_descriptions
TypeSource: string type_name; string encoding; string raw_file_contents
KeyValue: string key; string value
""",
}

GRAPH_SERVICES: dict[str, str] = {
    "lifecycle_msgs": """
ChangeState: Transition transition --- bool success
GetState: --- State current_state
GetAvailableStates: --- State[] available_states
GetAvailableTransitions: --- TransitionDescription[] available_transitions
""",
    "rcl_interfaces": """
DescribeParameters: string[] names --- ParameterDescriptor[] descriptors
GetParameters: string[] names --- ParameterValue[] values
GetParameterTypes: string[] names --- uint8[] types
ListParameters: uint64 DEPTH_RECURSIVE=0; string[] prefixes; uint64 depth --- ListParametersResult result
SetParameters: Parameter[] parameters --- SetParametersResult[] results
SetParametersAtomically: Parameter[] parameters --- SetParametersResult result
GetLoggerLevels: string[] names --- LoggerLevel[] levels
SetLoggerLevels: LoggerLevel[] levels --- SetLoggerLevelsResult[] results
""",
    "type_description_interfaces": """
GetTypeDescription: string type_name; string type_hash; bool include_type_sources=true --- bool successful; \
string failure_reason; TypeDescription type_description; TypeSource[] type_sources; KeyValue[] extra_information
""",
}
