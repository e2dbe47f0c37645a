"""gymapi's viewer calls, head-less: a viewer exists, shows nothing and is never closed."""

from __future__ import annotations

from typing import Any

__all__ = ["Viewer", "ViewerCalls"]


class Viewer:
    """Stands for a window."""


class ViewerCalls:
    """No pictures; ``keel view`` makes them."""

    def create_viewer(self, sim: Any, props: Any = None) -> Viewer:
        """A viewer that shows nothing."""
        return Viewer()

    def query_viewer_has_closed(self, viewer: Viewer) -> bool:
        """Never."""
        return False

    def query_viewer_action_events(self, viewer: Viewer) -> list[Any]:
        """None."""
        return []

    def subscribe_viewer_keyboard_event(self, viewer: Viewer, key: int, name: str) -> bool:
        """No events come."""
        return True

    def subscribe_viewer_mouse_event(self, viewer: Viewer, button: int, name: str) -> bool:
        """No events come."""
        return True

    def _nothing(self, *_args: Any, **_kwargs: Any) -> None:
        """Accepted, does nothing."""

    viewer_camera_look_at = step_graphics = draw_viewer = sync_frame_time = poll_viewer_events = _nothing
    add_lines = clear_lines = destroy_viewer = set_rigid_body_color = set_light_parameters = _nothing
    set_rigid_body_segmentation_id = _nothing
