import { Component, type ReactNode } from "react";

interface Given {
  /** What stands in the place of what broke. */
  instead: (error: Error) => ReactNode;
  children: ReactNode;
}

/** What breaks inside leaves all around it as it is. */
export class Boundary extends Component<Given, { error: Error | null }> {
  override state: { error: Error | null } = { error: null };

  static getDerivedStateFromError(error: unknown) {
    return { error: error instanceof Error ? error : new Error(String(error)) };
  }

  override render() {
    return this.state.error ? this.props.instead(this.state.error) : this.props.children;
  }
}
