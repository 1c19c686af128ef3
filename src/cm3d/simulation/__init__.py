"""The embedded data sets: a procedural world, its sensors, and a nuScenes-format database.

From the ground up, each room knowing those before it alone:

- `shapes`: meshes of all that stands, walks and drives.
- `town`: roads, lanes, areas, and what grows and stands beside them.
- `traffic`: which objects there are, and how they move.
- `sensors`: what a LiDAR and six cameras see of it.
- `database`: rows of nuScenes' tables, its maps, the whole database.
- `networks`: a 2D detector and a mask model that know these streets, with their weights.
- `teaching`: how those were trained, and what they are worth.

`world` puts town and traffic together, `schedule` says which scenes are driven when, `drive` goes
through one of them whatever the format, and `recorder` writes it as nuScenes has it;
`written_poses` are what the files say of where sensors were. Beside the
pictures lies what is on them (`instances`), and `error_model` and `phantoms` say how a simulated
detector errs about it. `classes` are the words of all of these.
`cm3d.datasets.sim` opens the data set, and `cm3d.datasets.waymo_sim` writes the same drives with
Waymo's sensors in Waymo's format; `cm3d.detect2d.{simnet,simulated}` and
`cm3d.segment.simnet` are the doors to the networks and the error model.
"""
