// Drop-down and context menus (Radix), with the look of the house. Not modal: a modal menu would
// add a style element, which the content security policy refuses.

import * as Context from "@radix-ui/react-context-menu";
import * as Dropdown from "@radix-ui/react-dropdown-menu";
import type { ReactNode } from "react";

export interface MenuItem {
  label: string;
  run: () => void;
  danger?: boolean;
  disabled?: boolean;
  checked?: boolean;
  hint?: string;
  testId?: string;
}

type Entry = MenuItem | "line";

function row(item: MenuItem) {
  return (
    <>
      {item.checked !== undefined && <span className="menu-check">{item.checked ? "✓" : ""}</span>}
      <span>{item.label}</span>
      {item.hint && <kbd>{item.hint}</kbd>}
    </>
  );
}

const className = (item: MenuItem) => `menu-item ${item.danger ? "danger" : ""}`;

export function Menu({ trigger, items, align = "end" }: { trigger: ReactNode; items: Entry[]; align?: "start" | "end" }) {
  return (
    <Dropdown.Root modal={false}>
      <Dropdown.Trigger asChild>{trigger}</Dropdown.Trigger>
      <Dropdown.Portal>
        <Dropdown.Content className="menu" align={align} sideOffset={4} collisionPadding={8}>
          {items.map((item, index) =>
            item === "line" ? (
              <Dropdown.Separator key={index} className="menu-line" />
            ) : (
              <Dropdown.Item
                key={index}
                className={className(item)}
                disabled={item.disabled}
                onSelect={item.run}
                data-testid={item.testId}
              >
                {row(item)}
              </Dropdown.Item>
            ),
          )}
        </Dropdown.Content>
      </Dropdown.Portal>
    </Dropdown.Root>
  );
}

export function ContextMenu({ children, items }: { children: ReactNode; items: () => Entry[] }) {
  return (
    <Context.Root modal={false}>
      <Context.Trigger asChild>{children}</Context.Trigger>
      <Context.Portal>
        <Context.Content className="menu" collisionPadding={8}>
          <ContextItems items={items} />
        </Context.Content>
      </Context.Portal>
    </Context.Root>
  );
}

/** Made only when the menu is open: what it offers depends on where it was opened. */
function ContextItems({ items }: { items: () => Entry[] }) {
  return items().map((item, index) =>
    item === "line" ? (
      <Context.Separator key={index} className="menu-line" />
    ) : (
      <Context.Item key={index} className={className(item)} disabled={item.disabled} onSelect={item.run} data-testid={item.testId}>
        {row(item)}
      </Context.Item>
    ),
  );
}
