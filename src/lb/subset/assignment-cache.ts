import type { FleetAssignment } from "./fleet-assignment.ts";

/**
 * Assignments of one version of a cluster, where those of several proxies are wanted (in the simulator): they differ by what is assigned to whom, and are the same for all who share it.
 */
export class AssignmentCache {
  readonly #known = new Map<string, FleetAssignment>();

  /** @param zone whose proxies share the endpoints; "" for all of the fleet. @param indexes of the endpoints. */
  find(zone: string, indexes: Int32Array, make: () => FleetAssignment): FleetAssignment {
    const key = `${zone} ${indexes.join()}`;
    let assignment = this.#known.get(key);
    if (assignment === undefined) {
      assignment = make();
      this.#known.set(key, assignment);
    }
    return assignment;
  }
}
