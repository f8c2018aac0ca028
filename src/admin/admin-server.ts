import { ADMIN_ROUTES } from "./admin-routes.ts";
import type { AdminView } from "./admin-view.ts";
import { RouteServer } from "./route-server.ts";

/** The admin server of the proxy. */
export class AdminServer extends RouteServer<AdminView> {
  constructor(view: AdminView) {
    super(view, ADMIN_ROUTES);
  }
}
